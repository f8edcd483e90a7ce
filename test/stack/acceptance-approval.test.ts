/** Rows of docs/acceptance.md about who may talk: two gateways, two workers, and an operator who decides. */
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { Backends } from "#common/backends/backends.ts";
import { redisBackends } from "#common/backends/redis/backends.ts";
import { systemClock } from "#common/backends/system/clock.ts";
import { systemRandom } from "#common/backends/system/random.ts";
import { keysFor } from "#common/contract/keys.ts";
import { createLogger } from "#common/observe/logger.ts";
import { createMetrics } from "#common/observe/metrics.ts";
import type { ApprovalStatus } from "#common/ports/approvals.ts";
import { topology } from "#test/fixtures/balances.ts";
import { ask } from "#test/fixtures/mariadb.ts";
import { KEY_PREFIX } from "#test/fixtures/own-stack.ts";
import { freshBot, patience, RawPhone } from "#test/fixtures/raw-phone.ts";
import { stackOfFile } from "#test/fixtures/stack.ts";
import { metricOf, until } from "./site.ts";

const SOON_MS = 1_000;
const ROOM = "1001";

let world: Awaited<ReturnType<typeof stackOfFile>>;
let redis: Backends;

beforeAll(async () => {
  world = await stackOfFile({ gateways: 2, workers: 2, env: { MOA_APPROVAL: "operator" } });
  const tools = { clock: systemClock(), random: systemRandom(), metrics: createMetrics(false).metrics };
  const keys = keysFor(topology, KEY_PREFIX);
  const log = createLogger("test", "silent");
  redis = redisBackends({ url: world.stack.redisUrl, keys, topology, laneBacklogMax: 1, log, ...tools });
  await redis.start();
});
afterAll(async () => {
  await redis?.close();
  await world?.remove();
});

const sql = (statement: string, values: unknown[] = []) => ask(world.stack.mysqlUrl, statement, values);
const portOf = (gateway: number) => world.stack.gateways[gateway]?.ports.bridge as number;
const refused = () => metricOf(world.stack.workers, "moa_messages_handled_total", 'kind="chat",outcome="refused"');

interface Place {
  readonly bot: string;
  readonly device: string;
}

function placeOf(bot = freshBot()): Place {
  return { bot, device: `${bot} phone` };
}

/** As an operator does: MySQL first, then the others are told. */
async function judgeDevice({ bot, device }: Place, status: ApprovalStatus): Promise<void> {
  await sql("UPDATE kb_bot_devices SET status = ? WHERE bot_name = ? AND device_id = ?", [status, bot, device]);
  await redis.approvalChanges.announce({ kind: "device", bot, device, status });
}

async function judgeRoom({ bot, device }: Place, status: ApprovalStatus, channel = ROOM): Promise<void> {
  const key = [channel, bot, device];
  await sql("UPDATE kb_rooms SET status = ? WHERE room_id = ? AND bot_name = ? AND device_id = ?", [status, ...key]);
  await redis.approvalChanges.announce({ kind: "room", bot, device, channel, status });
}

/** Approved before anyone heard of it. */
async function approvedPlace(...channels: readonly string[]): Promise<Place> {
  const { bot, device } = placeOf();
  await sql("INSERT INTO kb_bot_devices (bot_name, device_id, status) VALUES (?, ?, 'approved')", [bot, device]);
  await approveRooms({ bot, device }, [ROOM, ...channels]);
  return { bot, device };
}

async function approveRooms({ bot, device }: Place, channels: readonly string[]): Promise<void> {
  for (const channel of channels) {
    const values = [channel, bot, device];
    await sql("INSERT INTO kb_rooms (room_id, bot_name, device_id, status) VALUES (?, ?, ?, 'approved')", values);
  }
}

const phoneOf = async ({ bot, device }: Place, gateway = 0) =>
  (await RawPhone.identified(portOf(gateway), bot, device)).echoPings();

function isApproved(phone: RawPhone): unknown {
  return phone.frames.find(({ event }) => event === "handshakeComplete")?.data.approved;
}

/** Said, and its row on record. */
async function onRecord({ bot }: Place, phone: RawPhone, said: { text: string; channelId?: string }): Promise<void> {
  const { text, channelId = ROOM } = said;
  phone.say(text, { channelId });
  await vi.waitFor(async () => {
    const rows = await sql("SELECT 1 FROM kb_chat_logs WHERE bot_name = ? AND message = ?", [bot, text]);
    expect(rows).toHaveLength(1);
  }, patience);
}

/** Says one line after another until one is answered; gives what that took. */
async function answeredAfterMs(phone: RawPhone, say: () => void): Promise<number> {
  const startedAt = performance.now();
  const before = phone.shown.length;
  await until("a line is answered", patience.timeout, () => {
    if (phone.shown.length === before) say();
    return phone.shown.length > before;
  });
  return performance.now() - startedAt;
}

async function untilMuted(): Promise<void> {
  const fromMs = performance.now();
  await until("the change has had its time", patience.timeout, () => performance.now() - fromMs >= SOON_MS);
}

test("D-40 a new device is told that it is not approved, and what it says is on record and unanswered", async () => {
  const place = placeOf();
  const phone = await phoneOf(place);
  expect(isApproved(phone)).toBe(false);
  const before = await refused();
  await onRecord(place, phone, { text: "# echo pending" });
  expect(await sql("SELECT status FROM kb_bot_devices WHERE bot_name = ?", [place.bot])).toEqual([
    { status: "pending" },
  ]);
  expect(await sql("SELECT 1 FROM kb_rooms WHERE bot_name = ?", [place.bot])).toEqual([]);
  expect(phone.answers).toEqual([]);
  expect(await refused()).toBe(before + 1);
  for (const status of ["denied", "revoked", "blocked"] as const) {
    await sql("UPDATE kb_bot_devices SET status = ? WHERE bot_name = ?", [status, place.bot]);
    await redis.approvalChanges.announce({ kind: "device", ...place, status });
    await until(
      "the pod knows",
      patience.timeout,
      async () =>
        (await metricOf(world.stack.gateways, "moa_approvals_asked_total", `kind="device",status="${status}"`)) > 0,
    );
    expect(isApproved(await phoneOf(place))).toBe(false);
  }
});

test("D-40 S-AUTH-05 a device that is approved is answered within a second without reconnecting, revoked it is mute within one", async () => {
  const place = placeOf();
  await approveRooms(place, [ROOM]);
  for (const gateway of [0, 1]) {
    await sql("DELETE FROM kb_bot_devices WHERE bot_name = ?", [place.bot]);
    const phone = await phoneOf(place, gateway);
    expect(isApproved(phone)).toBe(false);
    await judgeDevice(place, "approved");
    expect(await answeredAfterMs(phone, () => phone.say("# echo approved"))).toBeLessThan(SOON_MS);
    await judgeDevice(place, "revoked");
    await untilMuted();
    await onRecord(place, phone, { text: `# echo revoked ${gateway}` });
    expect(phone.shown).not.toContain(`에코: revoked ${gateway}`);
    expect(phone.isClosed).toBe(false);
    phone.socket.destroy();
  }
});

test("D-36 S-AUTH-05 an unknown room is pending, on record and unanswered; approved it is answered within a second, revoked it is mute within one", async () => {
  const place = await approvedPlace();
  const phone = await phoneOf(place, 1);
  expect(isApproved(phone)).toBe(true);
  await onRecord(place, phone, { text: "# echo new", channelId: "2002" });
  const rooms = await sql(
    "SELECT room_id, room_name, device_id, status FROM kb_rooms WHERE bot_name = ? AND room_id = 2002",
    [place.bot],
  );
  expect(rooms).toEqual([{ room_id: "2002", room_name: "테스트방", device_id: place.device, status: "pending" }]);
  // An answer of the other room proves that none of this one was on its way.
  phone.say("# echo known");
  await phone.until(() => phone.shown.length > 0, "the answer");
  expect(phone.shown).toEqual(["에코: known"]);
  await judgeRoom(place, "approved", "2002");
  const say = () => phone.say("# echo approved", { channelId: "2002" });
  expect(await answeredAfterMs(phone, say)).toBeLessThan(SOON_MS);
  await judgeRoom(place, "blocked", "2002");
  await untilMuted();
  await onRecord(place, phone, { text: "# echo blocked", channelId: "2002" });
  phone.say("# echo still known");
  await phone.until(() => phone.shown.includes("에코: still known"), "the answer");
  expect(phone.shown).not.toContain("에코: blocked");
});

test("D-40 S-AUTH-03 P18 a pending device is answered by no claim: without auth, with an approved device's, with another bot's", async () => {
  const place = await approvedPlace();
  const other = await approvedPlace();
  const known = await phoneOf(place);
  const intruder = await phoneOf({ bot: place.bot, device: "intruder" });
  const auth = { deviceID: place.device, deviceUUID: place.device, botName: place.bot, timestamp: Date.now() };
  intruder.say("# echo no auth");
  intruder.say("# echo foreign device", { deviceID: place.device, auth: { ...auth, signature: "0".repeat(64) } });
  intruder.say("# echo foreign bot", { botName: other.bot, auth: { ...auth, botName: other.bot } });
  intruder.send({ botName: other.bot, version: "3.3.3", deviceID: other.device });
  await onRecord(place, intruder, { text: "# echo last" });
  known.say("# echo known");
  await known.until(() => known.shown.includes("에코: known"), "the answer");
  expect([...known.shown, ...intruder.shown]).toEqual(["에코: known"]);
  expect(await sql("SELECT COUNT(*) AS n FROM kb_rooms WHERE bot_name = ?", [place.bot])).toEqual([{ n: 1 }]);
  expect(await sql("SELECT 1 FROM kb_chat_logs WHERE bot_name = ?", [other.bot])).toEqual([]);
});

test("S-AUTH-06 what the original's administrators say in a room is talk, whoever says it: on record, unanswered, and nothing is changed", async () => {
  const place = await approvedPlace();
  const phone = await phoneOf(place);
  const said = ["# client_info", "# reload bots-config", "# reload json", "!reload commands", "# 방크레딧 충전 100"];
  const changes = () => sql("SELECT COUNT(*) AS n FROM moa_audit");
  const before = await changes();
  for (const text of said) phone.say(text);
  await onRecord(place, phone, { text: "# echo last" });
  await phone.until(() => phone.shown.length > 0, "the answer");
  expect(phone.shown).toEqual(["에코: last"]);
  const rows = "SELECT message AS text, message_type AS type FROM kb_chat_logs WHERE bot_name = ? ORDER BY id LIMIT ?";
  expect(await sql(rows, [place.bot, said.length])).toEqual(said.map((text) => ({ text, type: "normal" })));
  expect(await changes()).toEqual(before);
});

test("D-36 P19 a line of a known room costs no query", async () => {
  const place = await approvedPlace();
  const phone = await phoneOf(place);
  phone.say("# echo first");
  await phone.until(() => phone.shown.length === 1, "the answer");
  const selects = async () => Number((await sql("SHOW GLOBAL STATUS LIKE 'Com_select'"))[0]?.Value);
  const asked = () => metricOf(world.stack.workers, "moa_approvals_asked_total", 'kind="room"');
  const [selectsBefore, askedBefore] = [await selects(), await asked()];
  for (let n = 0; n < 1_000; n++) phone.say(`# echo ${n}`);
  await phone.until(() => phone.shown.length === 1_001, "the answers");
  expect(await asked()).toBe(askedBefore);
  // What periodic jobs and the row writer ask meanwhile.
  expect((await selects()) - selectsBefore).toBeLessThan(200);
});

test("D-36 P27 a room's new name is known by its channel id", async () => {
  const place = await approvedPlace();
  const phone = await phoneOf(place);
  phone.say("# echo a", { room: "옛 이름" });
  await phone.until(() => phone.shown.length === 1, "the answer");
  const name = async () =>
    (await sql("SELECT room_name AS name FROM kb_rooms WHERE bot_name = ?", [place.bot]))[0]?.name;
  await vi.waitFor(async () => expect(await name()).toBe("옛 이름"), patience);
  await until("the name is written", patience.timeout, async () => {
    phone.say("안녕", { room: "새 이름 🎉" });
    return (await name()) === "새 이름 🎉";
  });
  phone.say("# echo b", { room: "새 이름 🎉" });
  await phone.until(() => phone.answers.length === 2, "the answer");
  expect(phone.answers[1]?.data).toMatchObject({ room: "새 이름 🎉" });
});

test("D-36 P18 with MySQL hung known rooms are answered at once, and a new room waits for nothing but itself", async () => {
  const place = await approvedPlace();
  const phone = await phoneOf(place);
  phone.say("# echo before");
  await phone.until(() => phone.shown.length === 1, "the answer");
  await world.stack.mariadb?.pause();
  for (let n = 0; n < 100; n++) phone.say(`# echo new ${n}`, { channelId: `${4_000 + n}` });
  const startedAt = performance.now();
  phone.say("# echo known");
  await phone.until(() => phone.shown.length === 2, "the answer");
  expect(performance.now() - startedAt).toBeLessThan(SOON_MS);
  world.stack.mariadb?.signal("SIGCONT");
  expect(phone.shown).toEqual(["에코: before", "에코: known"]);
});

test("D-40 S-AUTH-04 P18 with MySQL away known rooms are answered, new rooms and new devices are not", async () => {
  const place = await approvedPlace();
  const phone = await phoneOf(place);
  phone.say("# echo before");
  await phone.until(() => phone.shown.length === 1, "the answer");
  await world.stack.mariadb?.stop();
  phone.say("# echo new", { channelId: "3003" });
  phone.say("# echo known");
  await phone.until(() => phone.shown.length === 2, "the answer");
  const stranger = await phoneOf(placeOf());
  expect(isApproved(stranger)).toBe(false);
  stranger.say("# echo stranger");
  phone.say("# echo known, too");
  await phone.until(() => phone.shown.length === 3, "the answer");
  await world.stack.mariadb?.start();
  const status = () => sql("SELECT status FROM kb_rooms WHERE bot_name = ? AND room_id = 3003", [place.bot]);
  await until("the room is registered", patience.timeout, async () => {
    phone.say("# echo back", { channelId: "3003" });
    return (await status()).length > 0;
  });
  await onRecord(place, phone, { text: "# echo last", channelId: "3003" });
  expect(await status()).toEqual([{ status: "pending" }]);
  expect(phone.shown).toEqual(["에코: before", "에코: known", "에코: known, too"]);
  expect(stranger.answers).toEqual([]);
});
