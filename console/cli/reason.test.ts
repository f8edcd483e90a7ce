import { describe, expect, test } from "vitest";
import type { SeenConnection } from "#common/observe/connection-routes.ts";
import type { SeenCandidate, SeenHolder, SeenWriters } from "#common/observe/writer-routes.ts";
import { reasonOf } from "./reason.ts";

const candidate: SeenCandidate = {
  ...{ bot: "bot", member: "gateway-1.a", pod: "gateway-1", podLives: true },
  ...{ connection: "one", device: "phone", since: 0 },
};
const standby: SeenCandidate = { ...candidate, connection: "two", member: "gateway-2.b", pod: "gateway-2" };
const holder: SeenHolder = { ...candidate, epoch: 7, id: "x", takenAt: 0 };
const gone = { podLives: false };
const former = {
  epoch: 6,
  reason: "closed_by_peer",
  provenAt: 0,
  declaredAt: Date.UTC(2026, 6, 1, 12, 3, 11),
  doubtBelow: 1,
};
const well: SeenWriters = {
  ...{ bot: "bot", nowMs: 0, holder, candidates: [candidate], paused: false },
  ...{ waiting: 0, oldestMs: null, held: 0, former: null },
};
const open: SeenConnection = {
  ...{ id: "one", bot: "bot", device: "phone", version: "3.3.3", address: "127.0.0.1", role: "writer" },
  ...{ status: "approved", signature: "valid", ageMs: 0 },
};

interface Case {
  readonly of: string;
  readonly seen?: Partial<SeenWriters>;
  readonly here?: readonly Partial<SeenConnection>[];
  readonly answered?: readonly string[];
  readonly why: RegExp;
  readonly wayOut: RegExp;
}

const ended = { holder: null, candidates: [], former: former as SeenWriters["former"] };
const cases: readonly Case[] = [
  { of: "a bot that is well", why: /^it writes, and nothing waits$/, wayOut: /^$/ },
  {
    of: "a hold, whatever else is wrong",
    seen: { paused: true, holder: null, waiting: 1 },
    why: /^an operator holds it; 1 action waits$/,
    wayOut: /^moa release bot$/,
  },
  {
    of: "a phone that is away",
    seen: ended,
    here: [],
    why: /^nobody writes: no connection is enrolled; the phone has not come back since 2026-07-01T12:03:11Z$/,
    wayOut: /look at the phone/,
  },
  {
    of: "a device that waits for an approval",
    seen: ended,
    here: [{ role: "unadmitted", status: "pending", signature: null }],
    why: /^nobody writes: phone is connected and not let in \(approval pending/,
    wayOut: /^moa devices approve bot phone$/,
  },
  {
    of: "a device with a wrong key",
    seen: ended,
    here: [{ role: "unadmitted", signature: "invalid" }],
    why: /signature invalid/,
    wayOut: /MOA_HMAC_KEYS/,
  },
  {
    of: "a vacancy that somebody is about to fill",
    seen: { holder: null, candidates: [standby] },
    why: /^nobody writes, though 1 connection could/,
    wayOut: /log of gateway-2/,
  },
  {
    of: "a pod that died, with a standby",
    seen: { holder: { ...holder, ...gone }, candidates: [standby, { ...candidate, ...gone }] },
    here: [],
    why: /^the writer's pod gateway-1 is gone; a standby takes over within 4 s$/,
    wayOut: /^$/,
  },
  {
    of: "a pod that died, with nobody to take over",
    seen: { holder: { ...holder, ...gone }, candidates: [{ ...candidate, ...gone }] },
    here: [],
    why: /is gone, and nobody stands by/,
    wayOut: /look at the phone/,
  },
  { of: "a writer that has just ended", here: [], why: /has just ended/, wayOut: /moa why bot/ },
  {
    of: "a writer on a gateway that did not answer",
    here: [],
    answered: ["gateway-2"],
    why: /^it writes/,
    wayOut: /^$/,
  },
  { of: "a zombie", here: [{ role: "zombie" }], why: /found dead/, wayOut: /moa why bot/ },
  {
    of: "actions on their way",
    seen: { waiting: 14, oldestMs: 2_000 },
    why: /^14 actions wait for a barrier's echo, the oldest for 2 s$/,
    wayOut: /^$/,
  },
  {
    of: "actions that stay, with a standby",
    seen: { waiting: 14, oldestMs: 20_000, candidates: [candidate, standby] },
    why: /the oldest for 20 s$/,
    wayOut: /moa failover bot$/,
  },
  {
    of: "actions that stay, without one",
    seen: { waiting: 14, oldestMs: 20_000 },
    why: /the oldest for 20 s$/,
    wayOut: /^The phone reads slowly, or is showing pictures[.]$/,
  },
  {
    of: "what an operator must decide",
    seen: { held: 2 },
    why: /2 actions for you to decide on/,
    wayOut: /^moa held bot list$/,
  },
];

describe("the sentence names the cause and its way out", () => {
  test.each(cases)("of $of", ({ seen, here = [{}], answered = ["gateway-1"], why, wayOut }) => {
    const connections = here.map((one) => ({ ...open, ...one }));
    const reason = reasonOf({ ...well, ...seen }, connections, answered);
    expect(reason).toEqual({ why: expect.stringMatching(why), wayOut: expect.stringMatching(wayOut) });
  });
});
