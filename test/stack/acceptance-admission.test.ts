/**
 * Rows of docs/acceptance.md and scenarios of who is let in: who is not gets nothing and takes nothing, whatever it claims
 * to be; and what an operator decides takes effect on phones that stay connected.
 */
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import type { Pod } from "#scripts/stack/pod.ts";
import { freshBot, patience, RawPhone } from "#test/fixtures/raw-phone.ts";
import { authOf, CHANNEL, eventsOf, GuardedSite, isAnswered, prove, usualDevice } from "./guarded-site.ts";

let site: GuardedSite;
beforeAll(async () => {
  site = await GuardedSite.open();
});
afterAll(() => site?.remove());

describe("a device that is not approved", () => {
  test("D-40 is told so, is pending, has its lines on record, and gets no answer", async () => {
    const bot = freshBot();
    await site.roomApproved(bot, "new");
    const phone = await RawPhone.identified(site.port, bot, "new");
    expect(phone.frames[0]?.data).toMatchObject({ success: true, approved: false });
    const own = { bot_name: bot, channel_id: "1", room: "r", user_hash: "u" };
    phone.send({ event: "ping", data: { ...own, auth: authOf(bot, "new") } });
    phone.say("# echo pending", { auth: authOf(bot, "new") });
    await vi.waitFor(async () => expect(await site.rowsOf(bot)).toHaveLength(1), patience);
    expect(await site.rowsOf(bot)).toEqual([{ message: "# echo pending", ours: 0 }]);
    const [row] = await site.sql("SELECT status, ip_address FROM kb_bot_devices WHERE bot_name = ?", [bot]);
    expect(row).toEqual({ status: "pending", ip_address: "127.0.0.1" });
    await phone.until(() => eventsOf(phone).has("ping"), "the probe");
    // Our probe, and no answer to a ping of its own.
    expect(phone.frames.map(({ event }) => event)).toEqual(["handshakeComplete", "ping"]);
  });

  test("D-40 S-AUTH-05 that wrote for its bot hands over to another one that is approved, and takes over again", async () => {
    const bot = await site.approved(freshBot(), "first");
    await site.approved(bot, "second");
    const first = await site.admitted(bot, "first");
    const second = await RawPhone.identified(site.port, bot, "second");
    prove(second, authOf(bot, "second"));
    second.echoPings({ auth: authOf(bot, "second") });
    await isAnswered(first, [bot, "first"], "by the first");
    await site.change(bot, "first", "revoked");
    await site.untilWriter(bot, 2);
    await isAnswered(second, [bot, "second"], "by the second");
    // It comes back to stand by: nobody takes the place from one that lives.
    await site.change(bot, "first", "approved");
    await isAnswered(second, [bot, "second"], "by the second still");
    await site.change(bot, "second", "revoked");
    await site.untilWriter(bot, 3);
    await isAnswered(first, [bot, "first"], "by the first again");
    expect(first.shown).toEqual(["에코: by the first", "에코: by the first again"]);
  });

  test("D-40 S-AUTH-05 is answered within a second of its approval, muted within one of its end, on one connection", async () => {
    const bot = freshBot();
    await site.roomApproved(bot, "new");
    const phone = await RawPhone.identified(site.port, bot, "new");
    prove(phone, authOf(bot, "new"));
    phone.echoPings({ auth: authOf(bot, "new") });
    const unadmitted = await site.risen("moa_connections", 'role="unadmitted"');
    const soon = { timeout: 1_000, interval: 20 };
    for (const [status, by] of [
      ["approved", -1],
      ["revoked", 0],
      ["approved", -1],
      ["blocked", 0],
    ] as const) {
      await site.change(bot, "new", status);
      await vi.waitFor(async () => expect(await unadmitted()).toBe(by), soon);
      if (by === -1) await isAnswered(phone, [bot, "new"], `when ${status}`);
      else phone.say(`# echo when ${status}`, { auth: authOf(bot, "new") });
    }
    await vi.waitFor(async () => expect(await site.rowsOf(bot)).toHaveLength(6), patience);
    expect(phone.shown).toEqual(["에코: when approved", "에코: when approved"]);
    expect(phone.isClosed).toBe(false);
  });

  test("S-AUTH-03 is not answered for leaving its proof out, for another's device, or for another's bot", async () => {
    const bot = await site.approved(freshBot(), "own");
    const own = await site.admitted(bot, "own");
    const thief = await RawPhone.identified(site.port, bot, "pending");
    await site.roomApproved(bot, "pending");
    thief.say("# echo 1");
    thief.say("# echo 2", { auth: authOf(bot, "own") });
    thief.say("# echo 3", { auth: authOf(bot, "pending", { deviceID: "own" }) });
    thief.say("# echo 4", { botName: "another", bot_name: "another", auth: authOf("another", "own") });
    thief.say("# echo 5", { auth: authOf(bot, "pending") });
    await vi.waitFor(async () => expect(await site.rowsOf(bot)).toHaveLength(1), patience);
    await isAnswered(own, [bot, "own"], "own");
    expect([own.shown, thief.shown]).toEqual([["에코: own"], []]);
    expect(thief.frames.map(({ event }) => event).filter((event) => event !== "ping")).toEqual(["handshakeComplete"]);
  });

  test("S-AUTH-03 with a stolen device id and no key takes nothing from the phone whose id it is", async () => {
    const bot = await site.approved(freshBot(), "stolen");
    const own = await site.admitted(bot, "stolen");
    const thieves = await Promise.all(
      Array.from({ length: 5 }, (_, i) =>
        RawPhone.identified(site.gateways[i % 2]?.ports.bridge as number, bot, "stolen"),
      ),
    );
    for (const thief of thieves)
      thief.say("# echo stolen", { auth: authOf(bot, "stolen", { secret: { key: "?", salt: "?" } }) });
    await isAnswered(own, [bot, "stolen"], "still here");
    expect(own.isClosed).toBe(false);
    expect(thieves.map(({ shown }) => shown)).toEqual([[], [], [], [], []]);
    const again = await RawPhone.identified(site.port, bot, "stolen");
    await isAnswered(again, [bot, "stolen"], "again");
    expect(own.isClosed).toBe(true);
  });

  test("S-CONN-15 for having none of its own is never approved, whoever approves it, and throws nobody out", async () => {
    const bot = await site.approved(freshBot(), "unknown");
    const unreadable = await site.risen("moa_connections_identified_total", 'status="unreadable"');
    const phones = [
      await RawPhone.identified(site.port, bot, "unknown"),
      await RawPhone.identified(site.port, bot, "unknown"),
    ];
    for (const [i, phone] of phones.entries()) phone.say(`# echo ${i}`, { auth: authOf(bot, "unknown") });
    await vi.waitFor(async () => expect(await site.rowsOf(bot)).toHaveLength(2), patience);
    expect(phones.map(({ isClosed, shown }) => [isClosed, shown])).toEqual([
      [false, []],
      [false, []],
    ]);
    expect(phones.map(({ frames }) => frames[0]?.data.approved)).toEqual([false, false]);
    expect(await unreadable()).toBe(2);
  });
});

describe("where a phone comes from", () => {
  test("S-CONN-14 another address of the same device is accepted in the place of its old connection, and counted", async () => {
    const bot = await site.approved(freshBot());
    const old = await site.admitted(bot);
    const moved = await site.risen("moa_device_address_changes_total");
    const socket = connect({ port: site.port, host: "127.0.0.1", localAddress: "127.0.0.2", noDelay: true });
    onTestFinished(() => void socket.destroy());
    let heard = "";
    socket.setEncoding("utf8").on("data", (text) => {
      heard += text;
    });
    const device = usualDevice(bot);
    const line = { room: "테스트방", channelId: CHANNEL, text: "# echo moved", logId: `${bot} moved` };
    const frames = [
      { botName: bot, version: "3.1.4", deviceID: device },
      { event: "analyze", data: { ...line, auth: authOf(bot, device) } },
    ];
    socket.write(frames.map((frame) => `${JSON.stringify(frame)}\n`).join(""));
    await vi.waitFor(() => expect(heard).toContain("에코: moved"), patience);
    await old.until(() => old.isClosed, "the end of the old connection");
    expect(await moved()).toBe(1);
  });

  test("S-AUTH-03 from outside its bot's networks it is let in by no signature and no approval", async () => {
    const bot = await site.approved("fenced");
    const refused = await site.risen("moa_messages_not_accepted_total", 'reason="source"');
    const phone = await RawPhone.identified(site.port, bot);
    phone.say("# echo outside", { auth: authOf(bot) });
    await vi.waitFor(async () => expect(await refused()).toBe(1), patience);
    expect(phone.frames[0]?.data.approved).toBe(false);
    expect(await site.rowsOf(bot)).toEqual([]);
  });
});

test("S-AUTH-04 while MySQL is away nobody new is admitted, who was stays, and its return needs no reconnect", async () => {
  const [known, fresh] = [await site.approved(freshBot()), await site.approved(freshBot())];
  const own = await site.admitted(known);
  await isAnswered(own, known, "before");
  await site.stack.mariadb?.kill();
  const phone = await RawPhone.identified(site.port, fresh);
  expect(phone.frames[0]?.data.approved).toBe(false);
  prove(phone, authOf(fresh));
  await isAnswered(own, known, "meanwhile");
  expect(eventsOf(phone)).not.toContain("messageResponse");
  await site.stack.mariadb?.start();
  await site.untilWriter(fresh);
  await isAnswered(phone, fresh, "after");
  expect(phone.isClosed).toBe(false);
}, 60_000);

test("S-OPS-02 S-AUTH-04 while Redis is away every pod is alive and ready, nobody new is admitted, and its return needs no reconnect", async () => {
  const pods = [...site.gateways, ...site.stack.workers];
  const probe = ({ ports }: Pod, name: string) =>
    fetch(`http://127.0.0.1:${ports.ops}/${name}`).then((told) => told.status);
  const probes = () =>
    Promise.all(pods.flatMap((pod) => ["livez", "readyz", "startupz"].map((name) => probe(pod, name))));
  const green = pods.flatMap(() => [200, 200, 200]);
  const [known, fresh] = [await site.approved(freshBot()), freshBot()];
  const own = await site.admitted(known);
  await isAnswered(own, known, "before");
  const noticed = await site.risen("moa_life_errors_total");
  await site.stack.redis?.kill();
  await vi.waitFor(async () => {
    expect(await probes()).toEqual(green);
    expect(await noticed()).toBeGreaterThan(2 * site.gateways.length);
  }, patience);
  const phone = await RawPhone.identified(site.port, fresh);
  expect(phone.frames[0]?.data.approved).toBe(false);
  phone.say("# echo stranger", { auth: authOf(fresh) });
  own.say("# echo meanwhile", { auth: authOf(known) });
  await site.stack.redis?.start();
  await own.until(() => own.shown.includes("에코: meanwhile"), "the answer to what was said meanwhile");
  await isAnswered(own, known, "after");
  expect([own.isClosed, phone.answers]).toEqual([false, []]);
  expect(await probes()).toEqual(green);
  const [, other] = site.gateways as [Pod, Pod];
  await other.child.kill();
  await expect(probe(other, "livez")).rejects.toThrow();
  await other.child.start();
}, 60_000);
