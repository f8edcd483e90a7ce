import { expect, test } from "vitest";
import { limits } from "#common/contract/limits.ts";
import { createLogger } from "#common/observe/logger.ts";
import { createMetrics } from "#common/observe/metrics.ts";
import { noTracing } from "#common/observe/tracing.ts";
import type { ReignEnd, Taken } from "#common/ports/writer-directory.ts";
import { Failovers, successionOf } from "./failover.ts";

const END: ReignEnd = { reason: "barrier_timeout", provenAt: 1_000, declaredAt: 5_500, doubtBelow: 12 };
const TAKEN: Taken = {
  epoch: 200_000,
  id: "i",
  member: "b.1",
  connection: "c2",
  generation: "g",
  first: 10,
  next: 15,
  doubtBelow: 12,
  former: { ...END, epoch: 100_000 },
  paused: false,
};
const heir = (since: number) => ({ id: "c2", device: "d", since, why: null, enrolledAs: "b.1" });
const accession = (taken: Taken, more = {}) => ({
  ...{ bot: "b", taken, heir: heir(500), over: null, begunAt: 5_550, takenAt: 5_600, candidates: 1 },
  ...more,
});

function openedAt() {
  const { metrics, expose } = createMetrics(false);
  const failovers = new Failovers({ metrics, log: createLogger("test", "silent"), tracing: noTracing });
  const value = async (series: string) => {
    const line = (await expose()).split("\n").find((one) => one.startsWith(`moa_${series} `));
    return Number(line?.split(" ")[1]);
  };
  const begin = (more: Parameters<typeof accession>[1] = {}, taken = TAKEN) => {
    const succession = successionOf(accession(taken, more));
    if (succession === null) throw new Error("nobody was succeeded");
    return failovers.begin(succession);
  };
  return { failovers, begin, value };
}

test("the first writer and a tenure taken again succeed nobody", () => {
  expect(successionOf(accession({ ...TAKEN, former: null }))).toBeNull();
  const own = { epoch: 1, id: "x", member: "b.0", connection: "c2" };
  expect(successionOf(accession(TAKEN, { over: own }))).toBeNull();
});

test("of a pod that died nobody said when: found dead now, proven alive a life before at the latest", () => {
  const over = { epoch: 7, id: "x", member: "a.1", connection: "c1" };
  expect(successionOf(accession({ ...TAKEN, former: null }, { over }))).toMatchObject({
    reason: "pod_gone",
    fromEpoch: 7,
    declaredAt: 5_550,
    provenAt: 5_550 - limits.lifeMs,
  });
});

test("a failover is measured from T0 to the first confirmation, and counted once", async () => {
  const at = openedAt();
  const failover = at.begin();
  expect(await at.value("writer_failovers_in_progress")).toBe(1);
  failover.wrote(5_610);
  failover.confirmed(5_700);
  failover.confirmed(5_800);
  failover.close("unproven");
  expect(await at.value("writer_failovers_in_progress")).toBe(0);
  expect(await at.value('writer_failovers_total{reason="barrier_timeout",result="ok"}')).toBe(1);
  expect(await at.value('writer_outage_seconds_sum{reason="barrier_timeout"}')).toBeCloseTo(4.7);
  expect(await at.value('writer_promotion_seconds_sum{reason="barrier_timeout"}')).toBeCloseTo(0.1);
  expect(await at.value("messages_failover_inflight_sum")).toBe(2);
});

test("where nobody stood by, no time is observed: the bot waited for a phone", async () => {
  const at = openedAt();
  at.begin({ heir: heir(5_501) }).confirmed(9_000);
  expect(await at.value('writer_failovers_total{reason="barrier_timeout",result="no_candidate"}')).toBe(1);
  expect(await at.value('writer_outage_seconds_count{reason="barrier_timeout"}')).toBe(0);
});

test("a planned one is a handover; one that is not, within a minute of the reign's beginning, is a flap", async () => {
  const at = openedAt();
  at.begin({}, { ...TAKEN, former: { ...END, reason: "drain", epoch: 199_000 } }).close("ok");
  expect(await at.value('writer_handovers_total{reason="drain",result="ok"}')).toBe(1);
  expect(await at.value("writer_flaps_total")).toBe(0);
  at.begin({}, { ...TAKEN, former: { ...END, epoch: 199_000 } });
  expect(await at.value("writer_flaps_total")).toBe(1);
});

test("one that has nothing to write is closed after its time", async () => {
  const at = openedAt();
  at.begin();
  at.failovers.sweep(5_600 + limits.failoverMsMax - 1);
  expect(await at.value("writer_failovers_in_progress")).toBe(1);
  at.failovers.sweep(5_600 + limits.failoverMsMax);
  expect(await at.value("writer_failovers_in_progress")).toBe(0);
});
