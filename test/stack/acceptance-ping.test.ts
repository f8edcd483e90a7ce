/** Rows of docs/acceptance.md about pings: what phones say of themselves is on record, and operators see it. */
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { ask } from "#test/fixtures/mariadb.ts";
import { type OperatedStack, operatedStack } from "#test/fixtures/operated-stack.ts";
import { freshBot, patience, RawPhone } from "#test/fixtures/raw-phone.ts";
import { authOf, next, present, usualDevice } from "./guarded-site.ts";

/** As the original's description has it. */
const SAMPLE = {
  client_status: { cpu: null, ram: { used: 134_217_728, max: 536_870_912, usedMB: 128, maxMB: 512 }, temp: null },
  monitoring: { uptime: 3_600_000, messageCount: 125, lastActivity: "2024-01-01T12:00:00Z" },
};
const ROOM = { channel_id: "18446369739418675", room: "테스트방", user_hash: "u1" };

let world: OperatedStack;
beforeAll(async () => {
  world = await operatedStack({ "*": { keys: [present], require: true } });
});
afterAll(() => world?.remove());

/** A phone of an approved device, and our probe to it. */
async function approvedPhone(bot: string): Promise<{ phone: RawPhone; probe: Readonly<Record<string, unknown>> }> {
  await ask(
    world.stack.mysqlUrl,
    "INSERT INTO kb_bot_devices (bot_name, device_id, status) VALUES (?, ?, 'approved')",
    [bot, usualDevice(bot)],
  );
  const phone = await RawPhone.identified(world.port, bot);
  const probe = () => phone.frames.find(({ event }) => event === "ping");
  await phone.until(() => probe() !== undefined, "the probe");
  return { phone, probe: probe()?.data ?? {} };
}

function answer(phone: RawPhone, probe: Readonly<Record<string, unknown>>, more: object): void {
  phone.send({ event: "ping", data: { ...probe, ...more } });
}

function ownPing(phone: RawPhone, bot: string, more: object): void {
  phone.send({ event: "ping", data: { bot_name: bot, ...ROOM, ...more, auth: authOf(bot) } });
}

async function rowsOf(bot: string, count: number) {
  const query = `SELECT *, JSON_VALUE(client_status, '$.ram.usedMB') AS usedMb, JSON_VALUE(client_status, '$.cpu') AS cpu,
    TIMESTAMPDIFF(SECOND, server_timestamp, UTC_TIMESTAMP() + INTERVAL 9 HOUR) AS age
    FROM kb_ping_monitor WHERE bot_name = ? ORDER BY id`;
  return vi.waitFor(async () => {
    const rows = await ask(world.stack.mysqlUrl, query, [bot]);
    expect(rows).toHaveLength(count);
    return rows;
  }, patience);
}

const shown = async (bot: string) => (await world.moa("devices", "show", bot, usualDevice(bot), "--json")).json;

describe("a ping", () => {
  test("D-16 of the phone's own comes back field by field, and ours is measured, each on record once", async () => {
    const bot = freshBot();
    const { phone, probe } = await approvedPhone(bot);
    for (let i = 0; i < 2; i++) answer(phone, probe, { auth: authOf(bot) });
    const own = { server_timestamp: "2025-07-21 21:12:11.123", is_manual: false };
    ownPing(phone, bot, own);
    const echo = { event: "ping", data: { bot_name: bot, ...ROOM, ...own } };
    await vi.waitFor(() => expect(phone.frames).toContainEqual(echo), patience);
    const [answered, asked] = await rowsOf(bot, 2);
    expect(answered).toMatchObject({ device_id: usualDevice(bot), client_ip: "127.0.0.1", rtt_ms: expect.any(Number) });
    expect(Number(answered?.age)).toBeLessThan(30);
    expect(Number(answered?.age)).toBeGreaterThanOrEqual(0);
    expect(asked).toMatchObject({ rtt_ms: null, is_manual: 0 });
    expect(await shown(bot)).toMatchObject({ measured: 1, meanRttMs: answered?.rtt_ms });
  });

  test("D-17 tells memory, and what a phone cannot tell is NULL", async () => {
    const bot = freshBot();
    const { phone, probe } = await approvedPhone(bot);
    answer(phone, probe, { ...SAMPLE, auth: authOf(bot) });
    const [row] = await rowsOf(bot, 1);
    expect(row).toMatchObject({ usedMb: "128", cpu: null, memory_usage: 128, total_memory: 512, memory_percent: 25 });
    expect(await shown(bot)).toMatchObject({ newest: { vitals: { memoryUsedMb: 128, cpu: null, temperature: null } } });
  });

  test("D-18 tells how long the phone runs and what it read, and operators see it", async () => {
    const bot = freshBot();
    const { phone, probe } = await approvedPhone(bot);
    answer(phone, probe, { ...SAMPLE, auth: authOf(bot) });
    await rowsOf(bot, 1);
    const status = await shown(bot);
    expect(status).toMatchObject({ device: { bot, status: "approved" } });
    const vitals = { uptimeMs: 3_600_000, messageCount: 125, lastActivity: "2024-01-01T12:00:00Z" };
    expect(status).toMatchObject({ newest: { vitals, address: "127.0.0.1" } });
    const { out } = await world.moa("devices", "show", bot, usualDevice(bot));
    for (const text of ["approved", "128 of 512", "60 min", "125", "2024-01-01T12:00:00Z"]) expect(out).toContain(text);
    expect((await world.moa("devices", "show", bot, "another")).code).toBe(3);
  });

  test("D-19 that somebody asked for is marked, and does not count in the mean round trip", async () => {
    const bot = freshBot();
    const { phone, probe } = await approvedPhone(bot);
    answer(phone, probe, { ...SAMPLE, is_manual: true, auth: authOf(bot) });
    expect(await rowsOf(bot, 1)).toMatchObject([{ is_manual: 1, rtt_ms: expect.any(Number) }]);
    const unmeasured = { measured: 0, meanRttMs: null, newest: { vitals: { isManual: true } } };
    expect(await shown(bot)).toMatchObject(unmeasured);
  });

  test("D-20 whose signature does not hold is not on record, also of a phone that is admitted", async () => {
    const bot = freshBot();
    const { phone, probe } = await approvedPhone(bot);
    for (const secret of [next, present]) answer(phone, probe, { auth: authOf(bot, undefined, { secret }) });
    phone.send({ event: "ping", data: { ...ROOM, server_timestamp: "forged", auth: authOf(bot, "another") } });
    ownPing(phone, bot, { server_timestamp: "own" });
    await phone.until(() => phone.frames.some(({ data }) => data.server_timestamp === "own"), "the echo");
    expect(phone.frames.map(({ data }) => data.server_timestamp)).not.toContain("forged");
    expect((await rowsOf(bot, 2)).map(({ rtt_ms }) => rtt_ms === null)).toEqual([false, true]);
  });
});
