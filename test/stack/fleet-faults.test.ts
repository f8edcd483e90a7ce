/** What the issue demands of faults under load, at a short size; `npm run accept` runs the full one. */
import { expect, test } from "vitest";
import type { FaultName } from "./faults.ts";
import { type Plan, runPlan } from "./fleet-faults.ts";

const short = { messages: 2_500, rate: 250, bots: 60, downS: 5, times: 1 };

const claims: readonly [claim: string, fault: FaultName, plan: Partial<Plan>][] = [
  ["no fault", "none", { messages: 1_500 }],
  ["kill -9 of a worker: the other takes its lanes", "worker-kill", {}],
  [
    "a worker stopped beyond its life: its lanes go to the other and come back when it wakes",
    "worker-stop",
    { downS: 6 },
  ],
  ["a worker that does not know that it was declared dead: every sink refuses its writes", "worker-disowned", {}],
  ["kill -9 of a gateway: what was accepted is answered when its phones are back", "gateway-kill", { downS: 1 }],
  ["kill -9 of Redis", "redis-kill", {}],
  ["a restart of Redis", "redis-term", {}],
  // Few phones, so that each says more than its connection may hold unappended.
  [
    "Redis away: sockets are paused, memory is bounded, work resumes within 5 s, time and again",
    "redis-away",
    { messages: 3_600, rate: 480, bots: 6, times: 2 },
  ],
  ["kill -9 of MariaDB: answers go on, and all rows arrive once", "mariadb-kill", {}],
  ["MariaDB away: answers go on, and all rows arrive once", "mariadb-away", {}],
];

test.each(claims)("nothing is lost, doubled or reordered by %s", async (_, fault, plan) => {
  const { failed } = await runPlan({ ...short, ...plan, fault });
  expect(failed).toEqual([]);
});
