import { expect, onTestFinished, test } from "vitest";
import { limits } from "#common/contract/limits.ts";
import { MoaError } from "#common/kernel/errors.ts";
import { createLogger } from "#common/observe/logger.ts";
import { createMetrics } from "#common/observe/metrics.ts";
import type { Ping } from "#common/ports/pings.ts";
import { FakeClock } from "#test/fixtures/fake-clock.ts";
import { VitalsRecord } from "./vitals.ts";

const load = {
  memoryUsedMb: null,
  memoryMaxMb: null,
  queueSize: null,
  activeRooms: null,
  cpu: null,
  temperature: null,
};
const vitals = { ...load, uptimeMs: null, messageCount: null, lastActivity: null, isManual: false };

function phone(device: string, isAdmitted = true) {
  const identity = { bot: "b", device, version: "1", clientType: "", deviceInfo: "" };
  return { identity, address: "10.0.0.1", isAdmitted };
}

function record() {
  const clock = new FakeClock();
  const written: (readonly Ping[])[] = [];
  const sink = { isAway: false };
  const { metrics, expose } = createMetrics(false);
  const append = async (pings: readonly Ping[]) => {
    if (sink.isAway) throw new MoaError("mysql_unavailable", "away");
    written.push(pings);
  };
  const log = createLogger("p", "silent");
  const vitalsRecord = new VitalsRecord({ podName: "p", pings: { append }, clock, metrics, log });
  const counted = async (result: string) => {
    const line = (await expose())
      .split("\n")
      .find((one) => one.startsWith(`moa_pings_recorded_total{result="${result}"`));
    return Number(line?.split(" ").at(-1));
  };
  onTestFinished(() => vitalsRecord.stop());
  return { clock, written, sink, vitalsRecord, counted, devices: () => written.flat().map(({ device }) => device) };
}

test("pings of a second are written together, a bounded number a statement", async () => {
  const { clock, written, vitalsRecord, counted } = record();
  for (let i = 0; i <= limits.pingsPerInsertMax; i++) vitalsRecord.take(phone(`d${i}`), vitals, 0.04);
  vitalsRecord.take(phone("stranger", false), vitals, 0.04);
  expect(written).toEqual([]);
  await clock.advance(limits.pingsGatherMs);
  expect(written.map((batch) => batch.length)).toEqual([limits.pingsPerInsertMax, 1]);
  expect(written[0]?.[0]).toMatchObject({ bot: "b", device: "d0", address: "10.0.0.1", rttMs: 40, podName: "p" });
  expect([await counted("written"), await counted("dropped")]).toEqual([limits.pingsPerInsertMax + 1, 0]);
});

test("while the store is away the newest wait, the others are dropped and counted", async () => {
  const { clock, sink, vitalsRecord, counted, devices } = record();
  sink.isAway = true;
  for (let i = 0; i < limits.pingsWaitingMax; i++) vitalsRecord.take(phone(`d${i}`), vitals, null);
  await clock.advance(limits.pingsGatherMs * 3);
  for (let i = 0; i < 7; i++) vitalsRecord.take(phone(`late${i}`), vitals, null);
  expect(await counted("dropped")).toBe(7);
  sink.isAway = false;
  await clock.advance(limits.pingsGatherMs);
  expect(devices()).toHaveLength(limits.pingsWaitingMax);
  expect([devices()[0], devices().at(-1)]).toEqual(["d7", "late6"]);
  expect(await counted("written")).toBe(limits.pingsWaitingMax);
});

test("a stop writes what waits, and one device fills no table", async () => {
  const { vitalsRecord, counted, devices } = record();
  for (let i = 0; i < 50; i++) vitalsRecord.take(phone("broken"), vitals, null);
  vitalsRecord.take(phone("good"), vitals, null);
  await vitalsRecord.stop();
  expect(devices().filter((device) => device === "broken")).toHaveLength(10);
  expect(devices()).toContain("good");
  expect(await counted("dropped")).toBe(40);
});
