import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { hasCode } from "#common/kernel/errors.ts";
import { ask, type MariaDb, startMariaDb } from "#test/fixtures/mariadb.ts";
import { MysqlOutboxRows } from "#workers/stores/outbox-rows.ts";
import { type Applier, MysqlTurnStore, type Turn } from "#workers/stores/turn-store.ts";
import { type OpenStore, openStore } from "./open-store.ts";

let server: MariaDb;
let url: string;
let store: OpenStore;
let turns: MysqlTurnStore;
let rows: MysqlOutboxRows;

/** Counts up a line of its own; fails on demand. */
const count: Applier = async (tx, data) => {
  await sql`UPDATE counted SET n = n + 1 WHERE name = ${data.name}`.execute(tx);
  if (data.thenFail === true) throw new Error("applier broke");
};

beforeAll(async () => {
  server = await startMariaDb();
  url = await server.database("moa");
  store = await openStore(url);
  await ask(url, "CREATE TABLE counted (name VARCHAR(10) PRIMARY KEY, n INT)");
  await ask(url, "INSERT INTO counted VALUES ('a', 0), ('b', 0)");
  turns = new MysqlTurnStore(store.mysql, new Map([["count", count]]));
  rows = new MysqlOutboxRows(store.mysql);
});
afterAll(async () => {
  await store.close();
  await server.stop();
});

let events = 0;
function turnOf(changed: Partial<Turn> = {}): Turn {
  const event = (++events).toString(16).padStart(16, "0");
  return { lane: 1, epoch: 5, event, changes: [{ kind: "count", data: { name: "a" } }], outbox: [], ...changed };
}

const counted = async () => (await ask(url, "SELECT n FROM counted ORDER BY name")).map((row) => row.n);

test("a turn's changes and outbox rows are made once, however often it comes", async () => {
  const before = await counted();
  const outbox = [0, 1].map((i) => ({
    id: `e:${i}`,
    bot: "봇",
    deadline: 1_700_000_000_123,
    action: `{"text":"🎉${i}"}`,
  }));
  const turn = turnOf({ lane: 2, outbox });
  expect(await turns.apply(turn)).toBe("applied");
  expect(await turns.apply(turn)).toBe("repeated");
  expect(await counted()).toEqual([Number(before[0]) + 1, before[1]]);
  const open = await rows.open(Date.now() + 1_000, 10);
  expect(open.map(({ createdAtMs, ...row }) => row)).toEqual(
    outbox.map((row) => ({ ...row, event: turn.event, lane: 2 })),
  );
  expect(Math.abs((open[0]?.createdAtMs ?? 0) - Date.now())).toBeLessThan(5_000);
});

test("the same event in two workers at once is applied by one", async () => {
  for (let n = 0; n < 30; n++) {
    const turn = turnOf();
    const outcomes = await Promise.all([turns.apply(turn), turns.apply(turn), turns.apply(turn)]);
    expect(outcomes.toSorted()).toEqual(["applied", "repeated", "repeated"]);
  }
});

test("an older epoch is fenced once a newer owner has been here, and changes nothing", async () => {
  await turns.apply(turnOf({ lane: 3, epoch: 7 }));
  const before = await counted();
  const late = turnOf({ lane: 3, epoch: 6 });
  const refused = await turns.apply(late).catch((error) => error);
  expect(hasCode(refused, "fenced")).toBe(true);
  expect(await counted()).toEqual(before);
  expect(await ask(url, "SELECT * FROM moa_seen_events WHERE event = ?", [late.event])).toEqual([]);
  expect(await turns.apply({ ...late, epoch: 8 })).toBe("applied");
  expect(await ask(url, "SELECT epoch FROM moa_lanes WHERE lane = 3")).toEqual([{ epoch: 8 }]);
});

test("of many owners that race on a new lane, none is applied after a newer one", async () => {
  for (let lane = 100; lane < 120; lane++) {
    const order: number[] = [];
    await Promise.all(
      [3, 1, 4, 2, 5].map(async (epoch) => {
        const outcome = await turns.apply(turnOf({ lane, epoch })).catch((error) => error);
        if (outcome === "applied") order.push(epoch);
        else expect(hasCode(outcome, "fenced")).toBe(true);
      }),
    );
    expect(await ask(url, "SELECT epoch FROM moa_lanes WHERE lane = ?", [lane])).toEqual([
      { epoch: Math.max(...order) },
    ]);
    expect(order).toContain(5);
  }
});

test("a newer owner waits for the turn under way and then fences the older", async () => {
  let goOn = () => {};
  const held = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  let inside = () => {};
  const entered = new Promise<void>((resolve) => {
    inside = resolve;
  });
  const wait: Applier = () => {
    inside();
    return held;
  };
  const slow = new MysqlTurnStore(store.mysql, new Map([["wait", wait]]));
  await turns.apply(turnOf({ lane: 4, epoch: 1 }));
  const ended: string[] = [];
  const older = slow
    .apply(turnOf({ lane: 4, epoch: 1, changes: [{ kind: "wait", data: {} }] }))
    .then(() => ended.push("older"));
  await entered;
  const newer = turns.apply(turnOf({ lane: 4, epoch: 2 })).then(() => ended.push("newer"));
  await expect
    .poll(async () => (await ask(url, "SHOW PROCESSLIST")).some((row) => String(row.Info).includes("moa_lanes")))
    .toBe(true);
  expect(ended).toEqual([]);
  goOn();
  await Promise.all([older, newer]);
  expect(ended).toEqual(["older", "newer"]);
});

test("a failing applier undoes the whole turn, an unknown kind runs no statement", async () => {
  const before = await counted();
  const changes = [
    { kind: "count", data: { name: "a" } },
    { kind: "count", data: { name: "b", thenFail: true } },
  ];
  const failing = turnOf({ changes });
  await expect(turns.apply(failing)).rejects.toThrow("applier broke");
  await expect(turns.apply(turnOf({ lane: 77, changes: [...changes, { kind: "typo", data: {} }] }))).rejects.toThrow(
    "typo",
  );
  expect(await counted()).toEqual(before);
  expect(await ask(url, "SELECT * FROM moa_lanes WHERE lane = 77")).toEqual([]);
  expect(await turns.apply({ ...failing, changes: [] })).toBe("applied");
});

test("values that MySQL refuses are told from a MySQL that is away: no later try can succeed", async () => {
  const before = await counted();
  const long = turnOf({ outbox: [{ id: "long".repeat(1_000), bot: "b", deadline: 1_000, action: "{}" }] });
  await expect(turns.apply(long)).rejects.toMatchObject({ code: "mysql_refused", outcome: "park" });
  expect(await counted()).toEqual(before);
});

test("a row stays open until its receipt, and nothing unsays that it was confirmed", async () => {
  await ask(url, "DELETE FROM moa_outbox");
  const outbox = [0, 1].map((i) => ({ id: `f:${i}`, bot: "b", deadline: 1_000 * (i + 1), action: "{}" }));
  await turns.apply(turnOf({ outbox }));
  expect((await rows.summary()).open).toBe(2);
  await rows.close("f:0", "written");
  await rows.close("f:0", "confirmed");
  await rows.close("f:0", "expired");
  await rows.close("nobody:0", "confirmed");
  expect(await ask(url, "SELECT action_id, state FROM moa_outbox ORDER BY action_id")).toEqual([
    { action_id: "f:0", state: "confirmed" },
    { action_id: "f:1", state: "open" },
  ]);
  expect([await rows.expire(2_000), await rows.expire(2_001)]).toEqual([0, 1]);
  expect(await rows.summary()).toEqual({ open: 0, oldestCreatedAtMs: null });
});

test("open rows are paged by whole events, oldest first", async () => {
  await ask(url, "DELETE FROM moa_outbox");
  for (let n = 0; n < 3; n++) {
    const turn = turnOf();
    const outbox = Array.from({ length: 12 }, (_, i) => ({
      id: `${turn.event}:${i}`,
      bot: "b",
      deadline: 1,
      action: `${i}`,
    }));
    await turns.apply({ ...turn, outbox });
  }
  await ask(url, "UPDATE moa_outbox SET created_at = '2026-01-01 00:00:00.500'");
  const all = await rows.open(Date.now(), 100);
  expect(all.map((row) => row.action)).toEqual(
    [...Array(3)].flatMap(() => Array.from({ length: 12 }, (_, i) => `${i}`)),
  );
  expect(await rows.open(Date.now(), 100, all[11])).toEqual(all.slice(12));
  expect(await rows.open(Date.UTC(2026, 0, 1, 0, 0, 0, 500), 100)).toEqual([]);
});
