/** Rows of docs/acceptance.md about signatures: what one that holds is good for, and that nothing comes of any other. */
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { DIALECT_NAMES } from "#scripts/phone/dialects.ts";
import { Phone } from "#scripts/phone/phone.ts";
import { freshBot, patience, RawPhone } from "#test/fixtures/raw-phone.ts";
import { authOf, CHANNEL, eventsOf, GuardedSite, isAnswered, next, present } from "./guarded-site.ts";

let site: GuardedSite;
beforeAll(async () => {
  site = await GuardedSite.open();
});
afterAll(() => site?.remove());

describe("a signature that holds", () => {
  test.each(DIALECT_NAMES)(
    "D-11 of a phone of %s is the answer to our probe, and its lines are answered",
    async (dialect) => {
      const bot = await site.approved(`signs-${dialect}`, "d1");
      const phone = new Phone({ host: "127.0.0.1", port: site.port, bot, device: "d1", dialect, secret: present });
      const shown: unknown[] = [];
      phone.events.on("shown", ({ text }) => shown.push(text));
      onTestFinished(() => phone.close());
      phone.connect();
      await site.untilWriter(bot);
      phone.say({ room: "테스트방", channel: CHANNEL, sender: "홍길동", userHash: "u1", text: "# echo 안녕" });
      await vi.waitFor(() => expect(shown).toEqual(["에코: 안녕"]), patience);
    },
  );

  test("D-11 by the next key is as good while both are configured, and is told apart", async () => {
    const bot = await site.approved(freshBot());
    const byNext = await site.risen("moa_signatures_total", 'result="valid_second_key"');
    const phone = await RawPhone.identified(site.port, bot);
    phone.say("# echo next", { auth: authOf(bot, undefined, { secret: next }) });
    await phone.until(() => phone.shown.length > 0, "the answer");
    expect(await byNext()).toBe(1);
  });

  test("D-12 S-AUTH-02 in a frame that comes twice is processed once; in another line of its millisecond, once more", async () => {
    const bot = await site.approved(freshBot());
    const phone = await site.admitted(bot);
    const auth = authOf(bot);
    for (const text of ["one", "one", "two"]) phone.say(`# echo ${text}`, { auth, logId: `${bot} ${text}` });
    await isAnswered(phone, bot, "last");
    expect(phone.shown).toEqual(["에코: one", "에코: two", "에코: last"]);
  });
});

describe("a signature that does not hold", () => {
  const device = "d1";
  test.each([
    ["wrong", "bad_signature", (bot: string) => authOf(bot, device, { secret: { ...present, key: "guessed" } })],
    ["unsigned", "unsigned", () => undefined],
    ["malformed", "bad_signature", (bot: string) => ({ ...authOf(bot, device), signature: null })],
    ["stale", "bad_signature", (bot: string) => authOf(bot, device, { timestamp: Date.now() - 301_000 })],
    ["stale", "bad_signature", (bot: string) => authOf(bot, device, { timestamp: Date.now() + 301_000 })],
    ["foreign", "bad_signature", () => authOf("another bot", device)],
    ["foreign", "bad_signature", (bot: string) => authOf(bot, "another", { deviceID: device })],
  ] as const)("D-12 as %s is no answer and no row, and counted as %s", async (result, reason, auth) => {
    const bot = await site.approved(freshBot(), device);
    const [found, refused] = [
      await site.risen("moa_signatures_total", `result="${result}"`),
      await site.risen("moa_messages_not_accepted_total", `reason="${reason}"`),
    ];
    const phone = await RawPhone.identified(site.port, bot, device);
    phone.say("# echo refused", { auth: auth(bot) });
    await vi.waitFor(async () => expect([await found(), await refused()]).toEqual([1, 1]), patience);
    // What comes behind it in the same room is answered: then the refused line will never be.
    await isAnswered(phone, [bot, device], "behind");
    expect(phone.shown).toEqual(["에코: behind"]);
    await vi.waitFor(async () => expect(await site.rowsOf(bot)).toHaveLength(2), patience);
    expect((await site.rowsOf(bot)).map(({ message }) => message)).toEqual(["# echo behind", "에코: behind"]);
  });

  test("D-12 before one holds a connection gets its handshake's answer and our ping, and is seen at once", async () => {
    const bot = await site.approved(freshBot());
    const unadmitted = await site.risen("moa_connections", 'role="unadmitted"');
    const phone = await RawPhone.identified(site.port, bot);
    phone.say("# echo nothing");
    phone.send({ event: "ping", data: { bot_name: bot, channel_id: "1", room: "r", user_hash: "u" } });
    await phone.until(() => eventsOf(phone).has("ping"), "the probe");
    await vi.waitFor(async () => expect(await unadmitted()).toBe(1), { timeout: 1_000, interval: 20 });
    const own = await site.admitted(bot);
    await isAnswered(own, bot, "own");
    expect(eventsOf(phone)).toEqual(new Set(["handshakeComplete", "ping"]));
    expect(phone.frames.filter(({ event }) => event === "ping")).toHaveLength(1);
  });

  test("D-20 in the answer to our ping measures nothing, and is warned of", async () => {
    const bot = await site.approved(freshBot());
    const measured = await site.risen("moa_heartbeat_rtt_seconds_count");
    const phone = await RawPhone.identified(site.port, bot);
    await phone.until(() => eventsOf(phone).has("ping"), "the probe");
    const { server_timestamp } = phone.frames.find(({ event }) => event === "ping")?.data ?? {};
    const echo = (auth: object) => phone.send({ event: "ping", data: { server_timestamp, auth } });
    const wrong = await site.risen("moa_signatures_total", 'result="wrong"');
    echo(authOf(bot, undefined, { secret: { ...present, salt: "other" } }));
    await vi.waitFor(async () => expect(await wrong()).toBe(1), patience);
    expect(await measured()).toBe(0);
    const warned = { level: "warn", bot, result: "wrong" };
    await vi.waitFor(() => expect(site.log).toContainEqual(expect.objectContaining(warned)), patience);
    echo(authOf(bot));
    await vi.waitFor(async () => expect(await measured()).toBe(1), patience);
  });

  test("D-12 where it is only warned of: processed, and never in a true line's way", async () => {
    const bot = await site.approved("warned");
    const forged = await site.risen("moa_signatures_total", 'result="unsigned"');
    const phone = await RawPhone.identified(site.port, bot);
    phone.say("# echo forged", { logId: "4711" });
    phone.say("# echo true", { logId: "4711", auth: authOf(bot) });
    await phone.until(() => phone.shown.length === 2, "both answers");
    expect(phone.shown).toEqual(["에코: forged", "에코: true"]);
    expect(await forged()).toBe(1);
  });
});
