/** The `moa` command against real pods: what an operator sees, changes, and is told when it goes wrong. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { Phone } from "#scripts/phone/phone.ts";
import { logLinesOf } from "#test/fixtures/log-lines.ts";
import { ask } from "#test/fixtures/mariadb.ts";
import { TOKEN } from "#test/fixtures/moa.ts";
import { answered, type OperatedStack, operatedStack } from "#test/fixtures/operated-stack.ts";
import { freshBot, patience, RawPhone } from "#test/fixtures/raw-phone.ts";

const SIGNING = "signing-bot";
const SECRET = { key: "the key of this test", salt: "its salt" };
const SEEN_MS = 1_000;

type Row = Readonly<Record<string, unknown>>;

let world: OperatedStack;
const moa = (...words: readonly string[]) => world.moa(...words);
const listed = (name: string, ...words: readonly string[]) => world.listed(name, ...words);

beforeAll(async () => {
  world = await operatedStack({ [SIGNING]: { keys: [SECRET], require: true } });
});
afterAll(() => world?.remove());

/** How long after now a command was begun that sees it, ms. */
async function seen(look: () => Promise<void>): Promise<number> {
  const sinceMs = performance.now();
  let begunMs = sinceMs;
  await vi.waitFor(async () => {
    begunMs = performance.now();
    await look();
  }, patience);
  return begunMs - sinceMs;
}

describe("who may talk", () => {
  test("a device and its room are approved while the phone stays connected, and each change is on record", async () => {
    const bot = freshBot();
    const phone = await RawPhone.identified(world.port, bot);
    phone.say("# echo nobody may hear this");
    const [device] = await listed("devices", "devices", "list", "--bot", bot);
    expect(device).toMatchObject({ bot, device: `device of ${bot}`, status: "pending", address: "127.0.0.1" });
    await moa("devices", "approve", bot, `device of ${bot}`);
    await vi.waitFor(async () => {
      phone.say("# echo nor this");
      expect(await listed("rooms", "rooms", "list", "--status", "pending", "--bot", bot)).toHaveLength(1);
    }, patience);
    const ran = await moa("rooms", "approve", bot, "1001", "--json");
    const change = { bot, channel: "1001", device: `device of ${bot}`, before: "pending", after: "approved" };
    expect(ran.json).toEqual({ changed: [change], announced: true });
    await answered(phone, "at last");
    expect(phone.shown).not.toContain("에코: nobody may hear this");
    const audit = (await listed("audit", "audit")).filter(({ subject }) => String(subject).startsWith(`${bot} `));
    const by = { who: expect.stringMatching(/^.+@.+$/), from: "127.0.0.1", before: "pending", after: "approved" };
    expect(audit).toMatchObject([
      { action: "room.approved", ...by },
      { action: "device.approved", ...by },
    ]);
  });

  test("a block silences a connected phone within a second, and says why in the list", async () => {
    const bot = freshBot();
    const phone = await world.approved(bot);
    await answered(phone, "before");
    const ran = await moa("devices", "block", bot, `device of ${bot}`, "--reason", "stolen");
    expect(ran.code).toBe(0);
    const seenAfterMs = await seen(async () => {
      const [one] = await listed("connections", "connections", "--bot", bot);
      expect(one).toMatchObject({ role: "unadmitted", status: "blocked" });
    });
    expect(seenAfterMs).toBeLessThan(SEEN_MS);
    phone.say("# echo after");
    const [device] = await listed("devices", "devices", "list", "--bot", bot);
    expect(device).toMatchObject({ status: "blocked", reason: "stolen" });
    expect(phone.shown).not.toContain("에코: after");
  });

  test("an unapproved device and a wrong key are seen within a second", async () => {
    const bot = freshBot();
    await RawPhone.identified(world.port, bot);
    const thief = new Phone({
      ...{ host: "127.0.0.1", port: world.port, bot: SIGNING, device: "thief", dialect: "v333" },
      secret: { key: "guessed", salt: "guessed" },
    });
    onTestFinished(() => thief.close());
    thief.connect();
    thief.say({ room: "방", channel: "1", sender: "a", userHash: "u", text: "# echo mine" });
    const seenAfterMs = await seen(async () => {
      const lists = [bot, SIGNING].map((one) => listed("connections", "connections", "--bot", one));
      const [[stranger], [forger]] = (await Promise.all(lists)) as [Row[], Row[]];
      expect(stranger).toMatchObject({ role: "unadmitted", status: "pending" });
      expect(forger).toMatchObject({ role: "unadmitted", device: "thief" });
      expect(forger?.signature).not.toMatch(/^valid/);
      expect(forger?.signature).not.toBeNull();
    });
    expect(seenAfterMs).toBeLessThan(SEEN_MS);
  });

  test("what a phone calls a room cannot move the operator's cursor", async () => {
    const bot = freshBot();
    const phone = await world.approved(bot);
    await vi.waitFor(async () => {
      phone.say("hello", { room: "\u001b[2J\u202eevil" });
      expect((await moa("rooms", "list", "--bot", bot)).out).toContain("\\u001b[2J\\u202eevil");
    }, patience);
    for (const words of [["--bot", bot], ["--json"]]) {
      const { out } = await moa("rooms", "list", ...words);
      expect(out).toContain("\\u001b[2J");
      expect(out).not.toMatch(/[\p{Bidi_Control}]|(?!\n)\p{Cc}/u);
    }
  });
});

describe("what flows", () => {
  test("moa lanes tells what came in and what became of it, and who owns each lane", async () => {
    const bot = freshBot();
    const phone = await world.approved(bot);
    const sum = async () => {
      const lanes = await listed("lanes", "lanes");
      expect(lanes.map(({ owner }) => String(owner).replace(/[.].*/, "")).toSorted()).toContain("worker-1");
      return lanes.reduce((total, one) => total + (one.done as { handled: number }).handled, 0);
    };
    const before = await sum();
    await answered(phone, "counted");
    await vi.waitFor(async () => expect(await sum()).toBeGreaterThan(before), patience);
  });

  test("moa bots joins what workers and gateways know", async () => {
    const bot = freshBot();
    const phone = await world.approved(bot);
    await answered(phone, "here");
    const found = (await listed("bots", "bots")).find((one) => one.bot === bot);
    expect(found).toEqual({
      ...{ bot, devices: { approved: 1 }, rooms: { approved: 1 } },
      ...{ connections: 1, unadmitted: 0, writer: `device of ${bot}` },
    });
  });

  test("a parked event is shown, run again once, and then gone", async () => {
    const bot = freshBot();
    const phone = await world.approved(bot);
    await answered(phone, "ready");
    phone.say(`# stumble ${bot}`);
    const mine = async () => (await listed("parked", "parked", "list")).filter((one) => one.bot === bot);
    await vi.waitFor(async () => expect(await mine()).toHaveLength(1), patience);
    const [{ ref, reason, channel } = {}] = await mine();
    expect({ reason, channel }).toEqual({ reason: "turn_failed", channel: "1001" });
    expect((await moa("parked", "show", `${ref}`)).out).toContain(`text: "# stumble ${bot}"`);
    const reruns = await Promise.all([moa("parked", "rerun", `${ref}`), moa("parked", "rerun", `${ref}`)]);
    expect(reruns.map(({ code }) => code).toSorted()).toEqual([0, 3]);
    await phone.until(() => phone.shown.includes(`got up: ${bot}`), "the answer of the rerun");
    expect(await mine()).toEqual([]);
    expect(phone.shown.filter((text) => text === `got up: ${bot}`)).toHaveLength(1);
    const recorded = async () => {
      const query = "SELECT message FROM kb_chat_logs WHERE bot_name = ? AND message LIKE ? ORDER BY id";
      return (await ask(world.stack.mysqlUrl, query, [bot, `%${bot}`])).map(({ message }) => message);
    };
    await vi.waitFor(async () => expect(await recorded()).toContain(`got up: ${bot}`), patience);
    expect(await recorded()).toEqual([`# stumble ${bot}`, `got up: ${bot}`]);
  });

  test("a dropped one is gone, on record, and its text is in no audit row", async () => {
    const bot = freshBot();
    const phone = await world.approved(bot);
    await answered(phone, "ready");
    phone.say(`# stumble over ${bot}`);
    const mine = async () => (await listed("parked", "parked", "list")).filter((one) => one.bot === bot);
    await vi.waitFor(async () => expect(await mine()).toHaveLength(1), patience);
    const [{ ref, id } = {}] = await mine();
    expect((await moa("parked", "drop", `${ref}`)).code).toBe(0);
    expect((await moa("parked", "drop", `${ref}`)).code).toBe(3);
    const rows = await ask(world.stack.mysqlUrl, "SELECT * FROM moa_audit WHERE subject = ?", [`${ref} ${id}`]);
    expect(rows).toMatchObject([{ action: "parked.drop", before: "parked: turn_failed" }]);
    expect(JSON.stringify(rows)).not.toContain("stumble");
  });

  test("an event whose changes are made already is not run again", async () => {
    const bot = freshBot();
    const phone = await world.approved(bot);
    await answered(phone, "ready");
    phone.say(`# stumble with changes ${bot}`);
    const mine = async () => (await listed("parked", "parked", "list")).filter((one) => one.bot === bot);
    await vi.waitFor(async () => expect(await mine()).toHaveLength(1), patience);
    const [{ ref, id } = {}] = await mine();
    await ask(world.stack.mysqlUrl, "INSERT INTO moa_seen_events (event, lane) VALUES (?, 0)", [id]);
    const refused = await moa("parked", "rerun", `${ref}`);
    expect([refused.code, refused.err]).toEqual([2, expect.stringContaining("twice")]);
    expect((await moa("parked", "drop", `${ref}`)).code).toBe(0);
  });
});

describe("how pods are", () => {
  test("moa doctor finds nothing bad, and says what to do when Redis would drop data", async () => {
    const well = await moa("doctor", "--json");
    expect(well.json.findings).toEqual(expect.arrayContaining([expect.objectContaining({ check: "mysql schema" })]));
    expect([well.code, well.out]).toEqual([0, expect.not.stringContaining('"bad"')]);
    const redis = new Redis(world.stack.redisUrl);
    onTestFinished(async () => {
      await redis.config("SET", "maxmemory-policy", "noeviction");
      redis.disconnect();
    });
    await redis.config("SET", "maxmemory-policy", "allkeys-lru");
    const ill = await moa("doctor");
    expect(ill.code).toBe(1);
    expect(ill.out).toMatch(/bad .*redis eviction policy .*allkeys-lru .*CONFIG SET maxmemory-policy noeviction/);
  });

  test("moa log-level reaches every pod at once and is taken back", async () => {
    const debugLines = () => logLinesOf(world.dir, "gateway-1").filter(({ level }) => level === "debug").length;
    const pods = await listed("pods", "log-level", "error");
    expect(pods.map(({ pod }) => pod).toSorted()).toEqual(["gateway-1", "gateway-2", "worker-1", "worker-2"]);
    const before = logLinesOf(world.dir, "gateway-1").length;
    await RawPhone.identified(world.port);
    expect(
      logLinesOf(world.dir, "gateway-1")
        .slice(before)
        .filter(({ level }) => level === "info"),
    ).toEqual([]);
    expect((await moa("log-level", "loud")).code).toBe(2);
    const back = await listed("pods", "log-level", "info");
    expect(back.map(({ before, after }) => `${before} ${after}`)).toEqual(Array(4).fill("error info"));
    expect(debugLines()).toBe(0);
  });

  test("moa config show says where each value came from and masks secrets; encrypt writes what it reads", async () => {
    const dir = mkdtempSync(join(tmpdir(), "moa-config-"));
    onTestFinished(() => rmSync(dir, { recursive: true }));
    const [json, key, enc] = ["settings.json", "k.key", "k.enc"].map((name) => join(dir, name)) as [
      string,
      string,
      string,
    ];
    writeFileSync(json, JSON.stringify({ mysqlUrl: "mysql://moa:hidden@db.example/moa", bridgePort: 1234 }));
    expect((await moa("config", "encrypt", json, key, enc)).code).toBe(0);
    expect(readFileSync(enc, "utf8")).not.toContain("hidden");
    const env = { MOA_CONFIG_KEY_FILE: key, MOA_CONFIG_ENC_FILE: enc, MOA_LOG_LEVEL: "warn" };
    const { code, out, json: shown } = await world.moaWith(env, "config", "show", "--json", "--", "--port=4321");
    expect([code, out]).toEqual([0, expect.not.stringContaining("hidden")]);
    const of = (name: string) => (shown.settings as { variable: string }[]).find(({ variable }) => variable === name);
    expect(of("MOA_MYSQL_URL")).toMatchObject({ from: "enc", value: "mysql://moa:***@db.example/moa" });
    expect(of("MOA_BRIDGE_PORT")).toMatchObject({ from: "argument", value: "4321" });
    expect(of("MOA_LOG_LEVEL")).toMatchObject({ from: "env", value: "warn" });
    expect(out).not.toContain(TOKEN);
  });
});

describe("what scripts go by", () => {
  interface Refused {
    readonly code: number;
    readonly why: string;
    readonly words: readonly string[];
    readonly env: Readonly<Record<string, string>>;
  }
  const codes: readonly Refused[] = [
    { code: 2, why: "no such command", words: ["frob"], env: {} },
    { code: 2, why: "an argument is missing", words: ["rooms", "approve", "bot"], env: {} },
    { code: 2, why: "no such status", words: ["devices", "list", "--status", "nice"], env: {} },
    { code: 2, why: "no URL", words: ["lanes"], env: { MOA_OPS_URL: "gopher" } },
    { code: 3, why: "no such device", words: ["devices", "deny", "nobody", "nothing"], env: {} },
    { code: 3, why: "no such parked event", words: ["parked", "show", "0:1-1"], env: {} },
    { code: 4, why: "no token", words: ["lanes"], env: { MOA_OPS_TOKEN: "" } },
    { code: 4, why: "another token", words: ["lanes"], env: { MOA_OPS_TOKEN: "another-token-of-a-test" } },
    { code: 5, why: "nobody there", words: ["lanes"], env: { MOA_OPS_URL: "http://127.0.0.1:9" } },
  ];
  test.each(codes)("exit code $code: $why", async ({ code, words, env }) => {
    const ran = await world.moaWith(env, ...words);
    expect([ran.code, ran.out]).toEqual([code, ""]);
    expect(ran.err).not.toBe("");
  });

  test("a pod that does not answer makes a list incomplete, which is said and is an exit code", async () => {
    const [first] = world.stack.gateways;
    const urls = `http://127.0.0.1:${first?.ports.ops},http://127.0.0.1:9`;
    const ran = await world.moaWith({ MOA_OPS_URL: urls }, "connections", "--json");
    expect([ran.code, ran.json.unreachable]).toEqual([5, ["http://127.0.0.1:9"]]);
  });

  test("a failure is one object on the last line, too", async () => {
    const { code, json } = await moa("devices", "deny", "nobody", "nothing", "--json");
    expect([code, json]).toMatchObject([3, { error: { code: "not_found" } }]);
  });

  test("completion names every command", async () => {
    for (const shell of ["bash", "zsh"]) {
      const { code, out } = await moa("completion", shell);
      expect([code, out]).toEqual([0, expect.stringContaining('"parked") words="list show rerun drop"')]);
    }
  });

  test("nothing that was printed or logged holds the token", () => {
    const logs = world.stack.children.map(({ name }) => readFileSync(join(world.dir, "logs", `${name}.log`), "utf8"));
    expect([world.printed.length > 0, logs.every((log) => log !== "")]).toEqual([true, true]);
    expect([...world.printed, ...logs].join()).not.toContain(TOKEN);
  });
});
