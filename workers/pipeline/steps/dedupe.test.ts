import { expect, test } from "vitest";
import type { ChatEvent } from "#common/contract/envelope.ts";
import type { Work } from "../work.ts";
import { dedupe, seenAs } from "./dedupe.ts";

const line = { v: 1, kind: "chat", id: "00112233aabbccdd" } as ChatEvent;
const late = { ...line, late: true } as const;

function outcomeOf(event: ChatEvent, handled: readonly ChatEvent[]) {
  const seen = new Set(handled.map(seenAs));
  return dedupe({ event, from: { lane: 0, epoch: 1, seen }, parsed: null, decision: null, outcome: null } as Work)
    .outcome;
}

test.each([
  { claim: "a line handled already is a duplicate", event: line, handled: [line], outcome: "duplicate" },
  {
    claim: "a late line that was handled when it was not late is a duplicate",
    event: late,
    handled: [line],
    outcome: "duplicate",
  },
  { claim: "a late line on record as a late one is a duplicate", event: late, handled: [late], outcome: "duplicate" },
  { claim: "a line on record as a late one only is still to be run", event: line, handled: [late], outcome: null },
  { claim: "a late line that is new goes on record", event: late, handled: [], outcome: null },
])("$claim", ({ event, handled, outcome }) => {
  expect(outcomeOf(event, handled)).toBe(outcome);
});
