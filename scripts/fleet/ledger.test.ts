import { describe, expect, test } from "vitest";
import { Ledger } from "./ledger.ts";
import { type Evidence, hasFailed, judge, type LaneTotals } from "./verdict.ts";

const NONE: LaneTotals = { appended: 0, handled: 0, duplicate: 0, refused: 0, parked: 0, expired: 0 };

/** Four texts of one phone in one room; `break_` makes the run go wrong. */
function run(break_: (ledger: Ledger, rows: { lines: Uint8Array; answers: Uint8Array }) => void = () => {}): Evidence {
  const ledger = new Ledger({ run: "cafe0123", texts: 4, bots: 1, rooms: 1 });
  const rows = { lines: new Uint8Array(4).fill(1), answers: new Uint8Array(4).fill(1) };
  for (let text = 0; text < 4; text++) ledger.onSent(text, 1);
  break_(ledger, rows);
  return { ledger, connections: [1], record: { before: NONE, after: { ...NONE, appended: 4, handled: 4 }, rows } };
}

function show(ledger: Ledger, texts: readonly number[], resent = false): void {
  for (const text of texts) ledger.onShown(text, { phone: 0, room: 0, resent, latencyMs: text + 1 });
}

describe("a run of the fleet", () => {
  test("where all is well has nothing to tell", () => {
    const verdict = judge(run((ledger) => show(ledger, [0, 1, 2, 3])));
    expect(verdict).toMatchObject({ sent: 4, answered: 4, lost: 0, not_accepted: 0, unshown: 0, p50_ms: 3, p99_ms: 4 });
    expect(hasFailed(verdict)).toBe(false);
  });

  test.each<[string, Parameters<typeof run>[0], Record<string, number>]>([
    ["a double", (l) => show(l, [0, 1, 2, 3, 3]), { doubled: 1 }],
    ["an answer out of order", (l) => show(l, [0, 2, 1, 3]), { reordered: 1 }],
    ["two answers overtaken", (l) => show(l, [3, 1, 2, 0]), { reordered: 3 }],
    ["an answer that never came", (l) => show(l, [0, 1, 3]), { lost: 1 }],
    [
      "an answer in another room",
      (l) => {
        show(l, [0, 1, 2]);
        l.onShown(3, { phone: 0, room: 7, resent: false, latencyMs: 1 });
      },
      { misdirected: 1 },
    ],
    [
      "a line not on record",
      (l, rows) => {
        show(l, [0, 1, 2, 3]);
        rows.lines[2] = 0;
      },
      { rows_missing: 1 },
    ],
    [
      "a handled line without row and answer",
      (l, rows) => {
        show(l, [0, 1, 3]);
        rows.lines[2] = 0;
      },
      { rows_missing: 1, not_accepted: 0 },
    ],
    [
      "an answer not on record",
      (l, rows) => {
        show(l, [0, 1, 2, 3]);
        rows.answers[0] = 0;
      },
      { rows_missing: 1 },
    ],
    [
      "a row twice",
      (l, rows) => {
        show(l, [0, 1, 2, 3]);
        rows.lines[2] = 2;
      },
      { rows_doubled: 1 },
    ],
  ])("with %s fails by that name", (_, break_, expected) => {
    const verdict = judge(run(break_));
    expect(verdict).toMatchObject(expected);
    expect(hasFailed(verdict)).toBe(true);
  });

  test("with an event that the lanes cannot account for has lost it", () => {
    const evidence = run((ledger) => show(ledger, [0, 1, 2, 3]));
    const record = evidence.record as NonNullable<Evidence["record"]>;
    const verdict = judge({ ...evidence, record: { ...record, after: { ...record.after, appended: 5 } } });
    expect(verdict.lost).toBe(1);
  });
  test("with a repeat that says so is ambiguous, and passes", () => {
    const verdict = judge(
      run((ledger) => {
        show(ledger, [0, 1, 2, 3]);
        show(ledger, [1], true);
      }),
    );
    expect(verdict).toMatchObject({ ambiguous: 1, doubled: 0 });
    expect(hasFailed(verdict)).toBe(false);
  });
  test("with an answer that may have died with its connection tells so, and passes", () => {
    const verdict = judge({ ...run((ledger) => show(ledger, [0, 1, 2])), connections: [2] });
    expect(verdict).toMatchObject({ lost: 0, unshown: 1 });
    expect(hasFailed(verdict)).toBe(false);
  });
  test("with a line that no lane took has it not accepted", () => {
    const evidence = run((ledger, rows) => {
      show(ledger, [0, 1, 2]);
      rows.lines[3] = 0;
      rows.answers[3] = 0;
    });
    const record = evidence.record as NonNullable<Evidence["record"]>;
    const verdict = judge({ ...evidence, record: { ...record, after: { ...NONE, appended: 3, handled: 3 } } });
    expect(verdict).toMatchObject({ not_accepted: 1, lost: 0, rows_missing: 0 });
    expect(hasFailed(verdict)).toBe(false);
  });
  test("does not judge the order of a line that left its phone twice", () => {
    const verdict = judge(
      run((ledger) => {
        ledger.onSent(1, 1);
        show(ledger, [0, 2, 1, 3]);
      }),
    );
    expect(verdict).toMatchObject({ reordered: 0, order_unjudged: 1 });
  });
  test("without the databases fails for a missing answer and says what it does not know", () => {
    const verdict = judge({ ...run((ledger) => show(ledger, [0, 1])), record: null });
    expect(verdict).toMatchObject({ lost: null, not_accepted: null, rows_missing: null, answered: 2 });
    expect(hasFailed(verdict)).toBe(true);
    expect(hasFailed(judge({ ...run((ledger) => show(ledger, [0, 1, 2, 3])), record: null }))).toBe(false);
  });
  test("knows its own texts only", () => {
    const { ledger } = run();
    expect(ledger.read(ledger.lineOf(3))).toEqual({ text: 3, isAnswer: false });
    expect(ledger.read("에코: cafe0123-2")).toEqual({ text: 2, isAnswer: true });
    for (const other of ["에코: beef0123-2", "cafe0123-2", "에코: cafe0123-9", "에코: cafe0123-", "안녕"]) {
      expect(ledger.read(other)).toBeNull();
    }
  });
});
