import { describe, expect, it } from "vitest";
import type { Evidence } from "#common/contract/evidence.ts";
import { absent, next, type State } from "./tenure.ts";
import { type Input, learn, outdatedBy } from "./tenure-news.ts";

const holder = (epoch: number, connection: string, member = "b.1") => ({ epoch, id: `id${epoch}`, member, connection });
const why = (reason: Evidence) => ({ reason, provenAt: 1, declaredAt: 2 });
const device = (id: string) => ({ id, device: `device of ${id}`, since: Number(id.slice(1)) });

const admitted = (id: string): Input => ({ kind: "admitted", connection: device(id) });
const enrolled = (connection: string, by: ReturnType<typeof holder> | null = null): Input => ({
  kind: "enrolled",
  connection,
  enrolment: { holder: by, outdated: false },
});
const gone = (connection: string, reason: Evidence = "closed_by_peer"): Input => ({
  kind: "gone",
  connection,
  why: why(reason),
});
const judged = (connection: string): Input => ({ kind: "judged", connection, why: why("heartbeat_timeout") });
const told = (epoch: number, connection?: string): Input => ({
  kind: "told",
  told: connection === undefined ? { kind: "vacant", epoch } : { kind: "taken", epoch, connection },
});
const looked = (...dead: string[]): Input => ({
  kind: "looked",
  isDead: (member) => dead.includes(member),
  ask: false,
});

function stateAfter(...inputs: Input[]): State {
  return inputs.reduce(learn, absent("a.1"));
}

/** What is called now, and for whom. */
function due(state: State): string | null {
  const call = next(state);
  switch (call?.kind) {
    case undefined:
      return null;
    case "enrol":
      return `enrol ${call.connection.id}`;
    case "withdraw":
      return `withdraw ${call.connection}`;
    case "take":
      return `take ${call.heir.id} over ${call.over?.epoch ?? "nobody"}`;
    case "end":
      return `end ${call.tenure.epoch}: ${call.why.reason}`;
    default:
      return call?.kind ?? null;
  }
}

const standby = [admitted("c1"), { kind: "subscribed" } as const, enrolled("c1", holder(7, "x1"))];
const writing = [
  admitted("c1"),
  { kind: "subscribed" } as const,
  enrolled("c1"),
  { kind: "taken", tenure: holder(7, "c1", "a.1") } as const,
];

describe("a connection that comes", () => {
  it("has the channel heard, is enrolled, and takes a vacant place", () => {
    expect(due(stateAfter(admitted("c1")))).toBe("subscribe");
    expect(due(stateAfter(admitted("c1"), { kind: "subscribed" }))).toBe("enrol c1");
    expect(due(stateAfter(admitted("c1"), { kind: "subscribed" }, enrolled("c1")))).toBe("take c1 over nobody");
    expect(due(stateAfter(...writing))).toBeNull();
  });

  it("stands by where another holds", () => {
    expect(due(stateAfter(...standby))).toBeNull();
  });

  it("leaves behind the earlier ones of its device, and no other", () => {
    const state = stateAfter(admitted("c1"), admitted("c5"));
    const news = { kind: "enrolled", connection: "c3", since: 3 } as const;
    expect(outdatedBy(state, { ...news, device: "device of c1" })).toEqual(["c1"]);
    expect(outdatedBy(state, { ...news, device: "device of c5" })).toEqual([]);
    expect(outdatedBy(state, { ...news, device: "device of c1", connection: "c1", since: 1 })).toEqual([]);
  });
});

describe("after a loss of Redis", () => {
  const lost = (waits = true): Input => ({ kind: "lost", waits });

  it("who holds takes again what is his, at once, and is marked no more", () => {
    const spoilt = stateAfter(...writing, lost(), { kind: "spoilt" });
    expect(due(spoilt)).toBe("take c1 over 7");
    expect(due(stateAfter(...writing, lost(), { kind: "reborn", member: "a.2" }))).toBe("take c1 over 7");
    expect(learn(spoilt, { kind: "taken", tenure: holder(8, "c1", "a.1") }).loss).toBeNull();
  });

  it("what was taken before is not held: it is taken again when a life has passed", () => {
    const heir = stateAfter(...standby).here[0];
    if (heir === undefined) throw new Error("nobody is here");
    const taken = { kind: "taken", tenure: holder(8, "c1", "a.1") } as const;
    const state = stateAfter(...standby, told(7), { kind: "taking", heir, over: null }, lost(), taken);
    expect([state.place.kind, state.loss, due(state)]).toEqual(["unknown", { waits: true }, null]);
    expect(due(learn(state, lost(false)))).toBe("take c1 over nobody");
  });

  it.each([
    ["a vacancy", told(7)],
    ["nothing", { kind: "renewed" } as const],
    ["a dead holder", looked("b.1")],
  ])("a standby that finds %s takes nothing before a life has passed", (_, found) => {
    expect(due(stateAfter(...standby, lost(), found))).toBeNull();
    expect(due(stateAfter(...standby, lost(), found, lost(false)))).not.toBeNull();
  });

  it("nor is a take that was not answered made again before", () => {
    const heir = stateAfter(...standby).here[0];
    if (heir === undefined) throw new Error("nobody is here");
    const asking = stateAfter(...standby, told(7), { kind: "taking", heir, over: null }, lost());
    expect(due(asking)).toBeNull();
    expect(due(learn(asking, lost(false)))).toBe("take c1 over nobody");
  });
});

describe("a standby", () => {
  it("takes when it is told that the place is vacant, and not for an older vacancy", () => {
    expect(due(stateAfter(...standby, told(7)))).toBe("take c1 over nobody");
    expect(due(stateAfter(...standby, told(6)))).toBeNull();
  });

  it("takes over the very tenure of a pod that is dead", () => {
    expect(due(stateAfter(...standby, looked()))).toBeNull();
    expect(due(stateAfter(...standby, looked("b.1")))).toBe("take c1 over 7");
  });

  it("that is itself doubted takes nothing, until it revives", () => {
    const vacant = stateAfter(...standby, judged("c1"), told(7));
    expect(due(vacant)).toBeNull();
    expect(due(learn(vacant, { kind: "revived", connection: "c1" }))).toBe("take c1 over nobody");
  });

  it("asks who holds when it is told of one, or may have missed it", () => {
    expect(due(stateAfter(...standby, told(8, "x2")))).toBe("take c1 over nobody");
    expect(due(stateAfter(...standby, { kind: "renewed" }))).toBe("take c1 over nobody");
  });

  it("believes no refusal that it was told anything beside", () => {
    const heir = stateAfter(...standby).here[0];
    if (heir === undefined) throw new Error("nobody is here");
    const asking = stateAfter(...standby, told(7), { kind: "taking", heir, over: null });
    const refused = { kind: "held", holder: holder(8, "x2") } as const;
    expect(due(learn(asking, refused))).toBeNull();
    expect(due([told(8), refused].reduce<State>(learn, asking))).toBe("take c1 over nobody");
  });
});

describe("a writer that is given up", () => {
  it("finishes, and gives the place to the latest living connection here", () => {
    const two = [...writing, admitted("c2"), enrolled("c2"), judged("c1")];
    expect(due(stateAfter(...two))).toBe("finish");
    expect(due(stateAfter(...two, { kind: "finished" }))).toBe("take c2 over 7");
  });

  it("ends where nobody lives here, and is not taken again before it revives", () => {
    const ended = stateAfter(...writing, judged("c1"), { kind: "finished" });
    expect(due(ended)).toBe("end 7: heartbeat_timeout");
    const vacant = learn(ended, { kind: "ended", tenure: holder(7, "c1", "a.1"), was: true });
    expect(due(vacant)).toBeNull();
    expect(due(learn(vacant, { kind: "revived", connection: "c1" }))).toBe("take c1 over nobody");
  });

  it("when it ends is struck off, and the channel left", () => {
    const ended = stateAfter(...writing, gone("c1"), { kind: "finished" });
    const vacant = learn(ended, { kind: "ended", tenure: holder(7, "c1", "a.1"), was: true });
    expect(due(vacant)).toBe("withdraw c1");
    const left = learn(vacant, { kind: "withdrawn", connection: "c1" });
    expect(due(left)).toBe("unsubscribe");
    expect(due(learn(left, { kind: "unsubscribed" }))).toBeNull();
  });

  it("waits for the connection that replaces it to be enrolled", () => {
    const replaced = stateAfter(...writing, gone("c1", "superseded"), admitted("c2"), { kind: "finished" });
    expect(due(replaced)).toBe("enrol c2");
    expect(due(learn(replaced, enrolled("c2")))).toBe("take c2 over 7");
  });

  it("by another's higher epoch is nobody's here any more", () => {
    expect(stateAfter(...writing, told(8, "x2")).place.kind).toBe("elsewhere");
    expect(stateAfter(...writing, told(8, "c1")).place.kind).toBe("ours");
    expect(stateAfter(...writing, told(6, "x2")).place.kind).toBe("ours");
  });
});

describe("a take that was not answered", () => {
  const heir = { ...device("c1"), why: null, enrolledAs: "a.1" };
  const unanswered = stateAfter(...writing.slice(0, 3), { kind: "taking", heir, over: null });

  it("is made again as it was, though its connection is gone", () => {
    expect(due(unanswered)).toBe("take c1 over nobody");
    expect(due(learn(unanswered, gone("c1")))).toBe("take c1 over nobody");
  });

  it("and was granted to one that is gone is ended", () => {
    const granted = [gone("c1"), { kind: "taken", tenure: holder(7, "c1", "a.1") } as const];
    expect(due(granted.reduce<State>(learn, unanswered))).toBe("finish");
  });

  it("and was granted under an epoch lower than one that was told of is lost", () => {
    const late = [told(9, "x1"), { kind: "taken", tenure: holder(8, "c1", "a.1") } as const];
    expect(late.reduce<State>(learn, unanswered).place.kind).toBe("elsewhere");
  });
});

describe("an incarnation that was lost", () => {
  it("takes its own tenure again, over itself, and is then enrolled anew", () => {
    const reborn = stateAfter(...writing, { kind: "reborn", member: "a.2" });
    expect(due(reborn)).toBe("take c1 over 7");
    const again = learn(reborn, { kind: "taken", tenure: holder(8, "c1", "a.2") });
    expect(due(again)).toBe("enrol c1");
  });

  it("finds a tenure in its own name that it does not hold: nobody else would end it", () => {
    const state = stateAfter(...standby, told(7), { kind: "held", holder: holder(5, "c0", "a.1") });
    expect(due(state)).toBe("take c1 over 5");
  });
});

describe("an operator's wish", () => {
  const asked = (to: string | null): Input => ({ kind: "asked", epoch: 7, to, why: why("operator") });

  it("makes only the holder of that epoch give up, and only to another", () => {
    expect(due(stateAfter(...writing, asked(null)))).toBe("finish");
    expect(due(stateAfter(...writing, asked("c1")))).toBeNull();
    expect(due(stateAfter(...writing, { kind: "asked", epoch: 6, to: null, why: why("operator") }))).toBeNull();
  });

  it("has who gave it up take it last, also when the vacancy is told after the answer", () => {
    const gaveUp = [asked(null), { kind: "finished" } as const];
    const ended = { kind: "ended", tenure: holder(7, "c1", "a.1"), was: true } as const;
    const waiting = stateAfter(...writing, ...gaveUp, ended, told(7));
    expect(due(waiting)).toBeNull();
    expect(due([looked(), looked()].reduce<State>(learn, waiting))).toBe("take c1 over nobody");
  });

  it("is served here if it can be", () => {
    const two = [...writing, admitted("c2"), enrolled("c2"), admitted("c3"), enrolled("c3")];
    expect(due(stateAfter(...two, asked("c2"), { kind: "finished" }))).toBe("take c2 over 7");
  });

  it("for a connection elsewhere lets it go first: two looks", () => {
    const waiting = stateAfter(...standby, asked("x9"), told(7));
    expect(due(waiting)).toBeNull();
    expect(due([looked(), looked()].reduce<State>(learn, waiting))).toBe("take c1 over nobody");
    expect(due(stateAfter(...standby, asked("c1"), told(7)))).toBe("take c1 over nobody");
  });
});

describe("a pod that drains", () => {
  it("finishes, ends, strikes off and leaves, and takes nothing more", () => {
    const stop = { kind: "stop", why: why("drain") } as const;
    expect(due(stateAfter(...writing, stop))).toBe("finish");
    const ended = stateAfter(...writing, stop, { kind: "finished" });
    expect(due(ended)).toBe("end 7: drain");
    const vacant = learn(ended, { kind: "ended", tenure: holder(7, "c1", "a.1"), was: true });
    expect(due(vacant)).toBe("withdraw c1");
    const left = learn(vacant, { kind: "withdrawn", connection: "c1" });
    expect(due(learn(left, { kind: "unsubscribed" }))).toBeNull();
  });
});
