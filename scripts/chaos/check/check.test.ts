/** Each check sees the violation that is planted for it, and is silent without one. */
import { describe, expect, test } from "vitest";
import type { FailoverSaid, FaultMade, Sent, Shown, TenureSaid } from "../history.ts";
import { TEXTS_PER_PHONE, Texts } from "../texts.ts";
import { judgeFailovers, p99 } from "./failovers.ts";
import { type LossEvidence, unanswered, unrecorded, unshown } from "./loss.ts";
import { overlapsInFrames, overlapsInTenures } from "./overlap.ts";
import { judgeShown } from "./shown.ts";

const texts = new Texts("test");
/** Two phones each. */
const botOf = (phone: number) => `bot-${Math.floor(phone / 2)}`;

const sent = (text: number, at: number, more: Partial<Sent> = {}): Sent => ({
  ...{ kind: "sent", at, text, phone: texts.phoneOf(text), connection: 1 },
  ...more,
});
const shown = (text: number, at: number, more: Partial<Shown> = {}): Shown => ({
  ...{ kind: "shown", at, text, phone: texts.phoneOf(text), connection: 1 },
  ...{ resent: false, epoch: null, writtenAt: null },
  ...more,
});
const fault = (at: number, endedAt: number, bot?: string): FaultMade => ({
  ...{ kind: "fault", at, endedAt, scenario: "x", facts: {}, bit: true, failed: [] },
  ...(bot === undefined ? {} : { bot }),
});

describe("what phones showed", () => {
  const two = { sent: [sent(0, 1), sent(2, 2)], shown: [shown(0, 3), shown(2, 4)] };
  const clean = { visibleDuplicates: 0, unlabelledDuplicates: 0, orderViolations: 0, misdirected: 0 };
  const judged = (more: readonly Shown[], from = two) =>
    judgeShown({ ...from, shown: [...from.shown, ...more] }, texts, botOf);

  test("each once and in order is clean", () => {
    expect(judged([])).toMatchObject(clean);
  });
  test("a labelled repeat is visible and no more", () => {
    expect(judged([shown(0, 9, { resent: true })])).toMatchObject({ ...clean, visibleDuplicates: 1 });
  });
  test("a late first writing after its labelled repeat counts as labelled", () => {
    const late = { ...two, shown: [shown(0, 3, { resent: true }), shown(2, 4)] };
    expect(judged([shown(0, 9)], late)).toMatchObject({ ...clean, visibleDuplicates: 1 });
  });
  test("an unlabelled repeat is told", () => {
    expect(judged([shown(0, 9)])).toMatchObject({ ...clean, visibleDuplicates: 1, unlabelledDuplicates: 1 });
  });
  test("an answer that was overtaken in its room is told, one of another room is not", () => {
    const swapped = { sent: [sent(0, 1), sent(1, 2), sent(2, 3)], shown: [shown(2, 4), shown(1, 5), shown(0, 6)] };
    expect(judged([], swapped)).toMatchObject({ ...clean, orderViolations: 1 });
  });
  test("another bot's phone is told, the bot's other phone is not", () => {
    expect(judged([], { ...two, shown: [shown(0, 3, { phone: 1 }), shown(2, 4)] })).toMatchObject(clean);
    expect(judged([], { ...two, shown: [shown(0, 3, { phone: 2 }), shown(2, 4)] })).toMatchObject({ misdirected: 1 });
  });
});

describe("overlapping writers", () => {
  const frame = (epoch: number, writtenAt: number, more: Partial<Shown> = {}) =>
    shown(writtenAt, 0, { epoch, writtenAt, phone: 0, ...more });

  test("frames: one epoch after the other is clean, also when an older frame arrives late", () => {
    expect(overlapsInFrames([frame(1, 10), frame(2, 20, { connection: 2 }), frame(1, 12)], botOf)).toEqual([]);
  });
  test("frames: a write of an epoch after a newer one's first is told", () => {
    expect(overlapsInFrames([frame(1, 10), frame(2, 20, { connection: 2 }), frame(1, 21)], botOf)).toHaveLength(1);
  });
  test("frames: one epoch on two connections is told", () => {
    expect(overlapsInFrames([frame(1, 10), frame(1, 11, { phone: 1 })], botOf)).toHaveLength(1);
  });
  const tenure = (kind: "taken" | "ended", epoch: number, at: number): TenureSaid => ({
    ...{ kind, epoch, at, reason: "", pod: "gateway-1", bot: "bot-0" },
  });
  test("tenures: an end that is told long after the next was taken is told, unless the site was struck", () => {
    const two = [tenure("taken", 1, 1_000), tenure("taken", 2, 2_000)];
    expect(overlapsInTenures([...two, tenure("ended", 1, 2_005)], [])).toEqual([]);
    expect(overlapsInTenures([...two, tenure("ended", 1, 3_005)], [])).toHaveLength(1);
    expect(overlapsInTenures([...two, tenure("ended", 1, 3_005)], [fault(500, 1_900)])).toEqual([]);
  });
  test("tenures: an epoch that was taken twice is told", () => {
    expect(overlapsInTenures([tenure("taken", 7, 10), tenure("taken", 7, 20)], [])).toHaveLength(1);
  });
});

describe("failovers", () => {
  const failover = (at: number, more: Partial<FailoverSaid> = {}): FailoverSaid => ({
    ...{ kind: "failover", at, pod: "gateway-1", bot: "bot-0", reason: "barrier_timeout", isBusy: true, stoodBy: true },
    ...{ times: [at - 5_000, at - 500, at - 400, at - 300, at] },
    ...more,
  });
  test("one that a fault of its bot explains is measured", () => {
    const judged = judgeFailovers([failover(10_000)], [fault(4_000, 11_000, "bot-0")]);
    expect(judged).toMatchObject({ falseFailovers: 0, detectBusyMs: [4_500], promoteMs: [100], outageMs: [5_000] });
  });
  test("one without a fault, or with another bot's, is false", () => {
    expect(judgeFailovers([failover(10_000)], []).falseFailovers).toBe(1);
    expect(judgeFailovers([failover(10_000)], [fault(4_000, 11_000, "bot-1")]).falseFailovers).toBe(1);
  });
  test("a planned one is no false one, and is measured as a handover", () => {
    expect(judgeFailovers([failover(10_000, { reason: "drain" })], [])).toMatchObject({
      falseFailovers: 0,
      handoverMs: [4_600],
    });
  });
  test("a planned one waits for a Redis that is away, and is not measured then", () => {
    const handover = failover(10_000, { reason: "drain" });
    const during = (scenario: string) => judgeFailovers([handover], [{ ...fault(4_000, 11_000), scenario }]).handoverMs;
    expect([during("redis-kill-in-drain"), during("gateways-rolling")]).toEqual([[], [4_600]]);
  });
  test("one while the site was struck is not measured", () => {
    expect(judgeFailovers([failover(10_000)], [fault(4_000, 11_000)])).toMatchObject({
      falseFailovers: 0,
      outageMs: [],
    });
  });
  test("the 99th percentile of few is the worst", () => {
    expect([p99([3, 1, 2]), p99([])]).toEqual([3, null]);
  });
});

describe("loss", () => {
  const evidence = (more: Partial<LossEvidence>): LossEvidence => ({
    ...{ sent: [sent(0, 0), sent(1, 0), sent(TEXTS_PER_PHONE, 0)], shown: new Set([0, 1, TEXTS_PER_PHONE]) },
    ...{
      recorded: new Set([0, 1, TEXTS_PER_PHONE]),
      answered: new Set([0, 1, TEXTS_PER_PHONE]),
      links: [],
      faults: [],
      accounted: 0,
      unhandled: 0,
      endedAt: 60_000,
      botOf,
    },
    ...more,
  });
  test("all recorded, answered and shown is clean", () => {
    expect([unshown(evidence({})), unanswered(evidence({})), unrecorded(evidence({}))]).toEqual([[], [], []]);
  });
  test("answered and never shown is lost", () => {
    expect(unshown(evidence({ shown: new Set([0, 1]) }))).toEqual([TEXTS_PER_PHONE]);
  });
  test("recorded and never answered is lost, unless an outcome accounts for it", () => {
    expect(unanswered(evidence({ answered: new Set([0, 1]) }))).toEqual([TEXTS_PER_PHONE]);
    expect(unanswered(evidence({ answered: new Set([0, 1]), accounted: 1 }))).toEqual([]);
  });
  test("not recorded is lost on a connection that held, and not where it was struck or closed", () => {
    const recorded = new Set([1, TEXTS_PER_PHONE]);
    expect(unrecorded(evidence({ recorded }))).toEqual([0]);
    expect(unrecorded(evidence({ recorded, faults: [fault(1_000, 2_000, "bot-0")] }))).toEqual([]);
    expect(unrecorded(evidence({ recorded, faults: [fault(1_000, 2_000, "bot-9")] }))).toEqual([0]);
    const links = [{ kind: "closed" as const, at: 3_000, phone: 0, connection: 1 }];
    expect(unrecorded(evidence({ recorded, links }))).toEqual([]);
  });
});
