import { expect, test } from "vitest";
import type { Overview } from "./overview.ts";
import { screenOf } from "./overview-screen.ts";
import type { PodShown } from "./pod-look.ts";

const none: PodShown = {
  ...{ pod: "", kind: "unknown", state: "away", cpuPercent: null, memoryMib: 0, loopMs: 0 },
  ...{ connections: 0, writers: 0, standbys: 0, zombies: 0, writerless: 0 },
  ...{ lanes: 0, backlog: 0, oldestMs: 0, parked: 0, linesPerS: null, answersPerS: null },
};
const living = { ...none, state: "ready", cpuPercent: 12.3, memoryMib: 141.6, loopMs: 11.2 } as const;
const gateway: PodShown = {
  ...{ ...living, pod: "gateway-1", kind: "gateway", linesPerS: 250.4, answersPerS: 3.27 },
  ...{ connections: 5_000, writers: 4_998, standbys: 1, zombies: 1 },
};
const worker: PodShown = { ...living, pod: "worker-1", kind: "worker", lanes: 16, backlog: 3, oldestMs: 4_000 };
const overview: Overview = {
  at: Date.UTC(2026, 0, 1, 12, 0, 5),
  pods: [gateway, { ...none, pod: "gateway-2", kind: "gateway" }, worker],
  lanes: [
    { lane: 0, owner: "worker-1.ab", appended: 10, inFlight: 0, oldestMs: 9, parked: 0 },
    { lane: 1, owner: null, appended: 11, inFlight: 3, oldestMs: 4_000, parked: 1 },
  ],
  failovers: {
    inProgress: 1,
    byReason: { barrier_timeout: 2 },
    handovers: 3,
    flaps: 0,
    fencingViolations: 0,
    heldActions: 0,
  },
};

test("80 columns hold every figure, and the lane that is furthest behind comes first", () => {
  const lines = screenOf(overview, { columns: 80, rows: 24 });
  expect(lines).toEqual([
    "moa top  12:00:05Z  3 pods, 1 AWAY  in 250/s  done -/s  out 3.3/s",
    "WRITERS    4998 write, 1 stand by, 1 zombies, 0 bots without, 0 actions held",
    "FAILOVERS  1 now, 2 in all, 3 handovers, 0 flaps, 0 fencing violations",
    "           barrier_timeout 2",
    "",
    "GATEWAYS     state    cpu %   MiB lag ms conns write stand none  in/s out/s",
    "gateway-1    ready       12   142     11  5000  4998     1    0   250   3.3",
    "gateway-2    AWAY: it does not answer",
    "WORKERS      state    cpu %   MiB lag ms lanes behind  oldest parked done/s",
    "worker-1     ready       12   142     11    16      3     4 s      0      -",
    "",
    "LANES owner                       appended in flight  oldest parked",
    "1     nobody                            11         3     4 s      1",
    "0     worker-1.ab                       10         0       -      0",
  ]);
});

test("no line is wider and no picture longer than the terminal, however many pods and lanes there are", () => {
  const pods = Array.from({ length: 40 }, (_, i) => ({ ...gateway, pod: `gateway-with-a-long-name-${i}` }));
  const lanes = Array.from({ length: 64 }, (_, lane) => ({
    ...(overview.lanes?.[0] as never as object),
    lane,
  })) as never;
  for (const [columns, rows] of [
    [80, 24],
    [40, 10],
    [20, 3],
  ] as const) {
    const lines = screenOf({ ...overview, pods, lanes }, { columns, rows });
    expect(lines.length).toBeLessThanOrEqual(rows);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(columns);
  }
});

test("what a pod calls itself cannot steer the terminal", () => {
  const lines = screenOf({ ...overview, pods: [{ ...gateway, pod: "\x1b[2J" }] }, { columns: 80, rows: 24 });
  expect(lines.join("")).not.toContain("\x1b");
});
