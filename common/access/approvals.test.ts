import { pino } from "pino";
import { expect, test } from "vitest";
import { FakeClock } from "#test/fixtures/fake-clock.ts";
import { MemoryApprovalChanges } from "../backends/memory/approval-changes.ts";
import { limits } from "../contract/limits.ts";
import { MoaError } from "../kernel/errors.ts";
import { seededRandom } from "../kernel/random.ts";
import { createMetrics } from "../observe/metrics.ts";
import type { ApprovalStatus, ApprovalStore, DeviceAsked, RoomAsked } from "../ports/approvals.ts";
import { ApprovalCache } from "./approval-cache.ts";
import { Approvals } from "./approvals.ts";

const phone: DeviceAsked = { bot: "b", device: "d", address: "10.0.0.1", clientType: "t", clientVersion: "3" };
const room = { bot: "b", device: "d", channel: "1", room: "방" };

/** MySQL as the cache sees it: a status per channel or device, every batch on record, away or slow on demand. */
class Truth implements ApprovalStore {
  status: ApprovalStatus = "approved";
  isAway = false;
  readonly batches: (readonly (DeviceAsked | RoomAsked)[])[] = [];
  /** The next answer waits for it: it was read before and comes after. */
  late: Promise<void> | undefined;

  devices = (asked: readonly DeviceAsked[]) => this.#answer(asked);
  rooms = (asked: readonly RoomAsked[]) => this.#answer(asked);

  async #answer(asked: readonly (DeviceAsked | RoomAsked)[]): Promise<readonly ApprovalStatus[]> {
    this.batches.push(asked);
    const answer = asked.map(() => this.status);
    const { late } = this;
    this.late = undefined;
    await late;
    if (this.isAway) throw new MoaError("mysql_unavailable", "away");
    return answer;
  }
}

function rig() {
  const clock = new FakeClock();
  const store = new Truth();
  const changes = new MemoryApprovalChanges(clock);
  const log = pino({ level: "silent" });
  const { metrics } = createMetrics(false);
  const approvals = new Approvals({ clock, store, changes, random: seededRandom(1), log, metrics });
  return { clock, store, changes, approvals };
}

async function started() {
  const world = rig();
  await world.approvals.start();
  await world.clock.settle();
  return world;
}

test("a room that was told once is answered at once, without a call, for a minute", async () => {
  const { clock, store, approvals } = rig();
  expect(await approvals.room(room)).toBe("approved");
  await clock.advance(limits.approvalFreshMs - 1);
  for (let n = 0; n < 1_000; n++) expect(approvals.room(room)).toBe("approved");
  await clock.settle();
  expect(store.batches).toHaveLength(1);
});

test("lines of a new room that come at once share one question, and rooms share one call", async () => {
  const { store, approvals } = rig();
  const asked = ["1", "1", "2", "1", "3"].map((channel) => approvals.room({ ...room, channel }));
  expect(await Promise.all(asked)).toEqual(Array(5).fill("approved"));
  expect(store.batches.map((batch) => batch.length)).toEqual([3]);
});

test("what is a minute old is believed and asked again meanwhile", async () => {
  const { clock, store, approvals } = rig();
  await approvals.room(room);
  await clock.advance(limits.approvalFreshMs);
  store.status = "revoked";
  expect(approvals.room(room)).toBe("approved");
  await clock.settle();
  expect(approvals.room(room)).toBe("revoked");
});

test("what is two minutes old is asked before it is believed", async () => {
  const { clock, store, approvals } = rig();
  await approvals.room(room);
  await clock.advance(2 * limits.approvalFreshMs);
  store.status = "revoked";
  expect(await approvals.room(room)).toBe("revoked");
});

test("with MySQL away the known are believed for a quarter of an hour, the unknown never, and nobody waits for long", async () => {
  const { clock, store, approvals } = rig();
  await approvals.room(room);
  store.isAway = true;
  await clock.advance(limits.approvalUsableMs - 2_000);
  expect(await approvals.room(room)).toBe("approved");
  expect(approvals.room(room)).toBe("approved");
  expect(approvals.room({ ...room, channel: "new" })).toBeUndefined();
  await clock.advance(2_000);
  expect(await approvals.room(room)).toBeUndefined();
  expect(store.batches).toHaveLength(3);
});

test("MySQL that never answers costs the first line two seconds and the others nothing", async () => {
  const { clock, store, approvals } = rig();
  store.late = new Promise(() => {});
  const first = approvals.room(room);
  await clock.advance(limits.approvalAskMsMax);
  expect(await first).toBeUndefined();
  expect(approvals.room({ ...room, channel: "2" })).toBeUndefined();
});

test("a second after MySQL is back the first line that asks is answered", async () => {
  const { clock, store, approvals } = rig();
  store.isAway = true;
  expect(await approvals.room(room)).toBeUndefined();
  store.isAway = false;
  expect(approvals.room(room)).toBeUndefined();
  await clock.advance(limits.approvalAgainMs);
  expect(await approvals.room(room)).toBe("approved");
});

test("a new name of a room is asked about once, and by turns with the old one at most once a second", async () => {
  const { clock, store, approvals } = rig();
  await approvals.room(room);
  await clock.advance(limits.approvalAgainMs);
  for (let n = 0; n < 10; n++) expect(approvals.room({ ...room, room: "새 방" })).toBe("approved");
  await clock.settle();
  expect(store.batches.slice(1)).toEqual([[{ bot: "b", device: "d", channel: "1", roomName: "새 방" }]]);
  for (let n = 0; n < 10; n++) {
    expect(approvals.room(room)).toBe("approved");
    expect(approvals.room({ ...room, room: "새 방" })).toBe("approved");
  }
  await clock.settle();
  expect(store.batches).toHaveLength(2);
});

test("an announced change of a room counts within half a second, and MySQL has the last word", async () => {
  const { clock, store, changes, approvals } = await started();
  await approvals.room(room);
  await changes.announce({ kind: "room", bot: "b", device: "d", channel: "1", status: "revoked" });
  store.late = new Promise((resolve) => clock.after(1_000, resolve));
  await clock.advance(limits.approvalChangesEveryMs);
  expect(approvals.room(room)).toBe("revoked");
  await clock.advance(1_000);
  expect(approvals.room(room)).toBe("approved");
});

test("an answer that was read before a change and comes after it is not believed", async () => {
  const { clock, store, changes, approvals } = await started();
  store.status = "pending";
  store.late = new Promise((resolve) => clock.after(1_000, resolve));
  const line = approvals.room(room);
  await clock.settle();
  store.status = "approved";
  await changes.announce({ kind: "room", bot: "b", device: "d", channel: "1", status: "approved" });
  await clock.advance(1_000);
  expect(await line).toBe("approved");
});

test("who holds a device's connection is told of every change: announced, made in MySQL, and the end of what is known", async () => {
  const { clock, store, changes, approvals } = await started();
  const told: unknown[] = [];
  approvals.onDevice(({ bot, device }, status) => told.push([bot, device, status]));
  await approvals.device(phone);
  store.status = "revoked";
  await changes.announce({ kind: "device", bot: "b", device: "d", status: "revoked" });
  await clock.advance(limits.approvalChangesEveryMs);
  expect(told).toEqual([["b", "d", "revoked"]]);
  store.status = "approved";
  await clock.advance(limits.approvalFreshMs + limits.approvalChangesEveryMs);
  expect(told.splice(0)).toEqual([
    ["b", "d", "revoked"],
    ["b", "d", "approved"],
  ]);
  store.isAway = true;
  await clock.advance(limits.approvalUsableMs + limits.approvalFreshMs);
  expect(told.splice(0)).toEqual([["b", "d", undefined]]);
  store.isAway = false;
  await clock.advance(2 * limits.approvalAgainMs);
  expect(told).toEqual([["b", "d", "approved"]]);
});

test("when changes were missed devices are asked for at once and rooms before they are believed, unless nobody answers", async () => {
  const { clock, store, changes, approvals } = await started();
  const told: unknown[] = [];
  approvals.onDevice((_, status) => told.push(status));
  await approvals.device(phone);
  await approvals.room(room);
  await approvals.room({ ...room, channel: "2" });
  store.status = "blocked";
  for (let n = 0; n <= limits.approvalChangesMax; n++)
    await changes.announce({ kind: "room", bot: "x", device: "x", channel: `${n}`, status: "approved" });
  await clock.advance(limits.approvalChangesEveryMs);
  expect(told).toEqual(["blocked"]);
  expect(await approvals.room(room)).toBe("blocked");
  store.isAway = true;
  expect(await approvals.room({ ...room, channel: "2" })).toBe("approved");
});

test("beyond its bound the cache forgets what it learned longest ago, and no more than that", async () => {
  const clock = new FakeClock();
  const asked: string[] = [];
  const cache = new ApprovalCache<string>({
    clock,
    random: seededRandom(1),
    entriesMax: 3,
    ask: async (keys) => {
      asked.push(...keys);
      return keys.map(() => "approved" as const);
    },
    aboutOf: () => "",
    onLearned: () => {},
    onFailed: () => {},
  });
  for (const key of ["1", "2", "3"]) await cache.status(key, key);
  await clock.advance(limits.approvalFreshMs);
  expect(cache.status("1", "1")).toBe("approved");
  await clock.settle();
  await cache.status("4", "4");
  expect(["1", "2", "3", "4"].map((key) => cache.fresh(key, ""))).toEqual([
    "approved",
    undefined,
    undefined,
    "approved",
  ]);
  expect(await cache.status("3", "3")).toBe("approved");
  expect(asked).toEqual(["1", "2", "3", "1", "4"]);
  expect(await cache.status("2", "2")).toBe("approved");
  expect(asked).toEqual(["1", "2", "3", "1", "4", "3", "2"]);
});
