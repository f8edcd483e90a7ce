import { describe, expect, it } from "vitest";
import { limits } from "#common/contract/limits.ts";
import { FRAME_FAULTS } from "#common/observe/frame-faults.ts";
import type { ChatLine, Identity } from "#gateway/platforms/platform.ts";
import { type Effect, type Input, initialState, type ReadLine, type State, transition } from "./transition.ts";

const phone: Identity = { bot: "LOA.i", device: "d1", version: "3.3.3", clientType: "MessengerBotR", deviceInfo: "" };
const line: ChatLine = {
  channel: "184",
  room: "room",
  sender: "someone",
  userHash: "h",
  text: "hi",
  logId: null,
  isGroupChat: true,
  isMention: false,
  clientAt: null,
};

const read = (receivedAt: number): ReadLine => ({ line, frame: new Uint8Array(), receivedAt, proof: null });
const chat = (at: number, claims: Identity | null = null): Input => ({ kind: "chat", read: read(at), claims });
const handshake = (identity: Identity = phone): Input => ({ kind: "handshake", identity });
const load = {
  memoryUsedMb: null,
  memoryMaxMb: null,
  queueSize: null,
  activeRooms: null,
  cpu: null,
  temperature: null,
};
const vitals = { ...load, uptimeMs: null, messageCount: null, lastActivity: null, isManual: false };
const pong: Input = { kind: "pong", token: "t", vitals, proof: null };
const ping: Input = { kind: "ping", echo: "e", vitals, proof: null };
const deadline: Input = { kind: "handshake_deadline" };
const identified: State = { phase: "identified", identity: phone };
const closed: State = { phase: "closed" };

function run(inputs: readonly Input[], from: State = initialState): { state: State; effects: readonly Effect[] } {
  let state = from;
  let effects: readonly Effect[] = [];
  for (const input of inputs) {
    const step = transition(state, input);
    state = step.state;
    effects = [...effects, ...step.effects];
  }
  return { state, effects };
}

const kinds = (effects: readonly Effect[]) => effects.map((effect) => effect.kind);
const closes = (reason: string, discarded = 0) => ({ kind: "close", reason, discarded });

describe("while handshaking", () => {
  it("a handshake identifies and is answered", () => {
    const { state, effects } = run([handshake()]);
    expect(state).toEqual(identified);
    expect(effects).toEqual([{ kind: "identify", identity: phone, by: "handshake" }, { kind: "welcome" }]);
  });

  it.each([1, 9, 10, limits.framesBeforeHandshakeMax])("%i lines before the handshake follow it in order", (count) => {
    const lines = Array.from({ length: count }, (_, i) => chat(i));
    const { state, effects } = run([...lines, handshake()]);
    expect(state).toEqual(identified);
    expect(kinds(effects.slice(0, 2))).toEqual(["identify", "welcome"]);
    expect(effects.slice(2)).toEqual(lines.map((_, i) => ({ kind: "ingest", read: read(i) })));
  });

  it("the line after the allowed number closes it and tells how many were lost", () => {
    const count = limits.framesBeforeHandshakeMax + 1;
    const { state, effects } = run(Array.from({ length: count }, (_, i) => chat(i)));
    expect(state).toEqual(closed);
    expect(effects).toEqual([closes("frames_before_handshake", count)]);
  });

  it("a line that says who speaks identifies at once, releases what waited, and is not answered", () => {
    const { state, effects } = run([chat(1), chat(2, phone)]);
    expect(state).toEqual(identified);
    expect(effects).toEqual([
      { kind: "identify", identity: phone, by: "claims" },
      { kind: "ingest", read: read(1) },
      { kind: "ingest", read: read(2) },
    ]);
  });

  it.each(["bot", "device"] as const)("a line that claims no %s waits for the handshake", (field) => {
    expect(run([chat(1, { ...phone, [field]: "" })]).effects).toEqual([]);
  });

  it.each(["bot", "device"] as const)("a handshake without %s closes it", (field) => {
    const { state, effects } = run([chat(1), handshake({ ...phone, [field]: "" })]);
    expect(state).toEqual(closed);
    expect(effects).toEqual([closes("handshake_invalid", 1)]);
  });

  it("a connection that never said who it is is closed at the deadline", () => {
    expect(run([chat(1), deadline]).effects).toEqual([closes("handshake_timeout", 1)]);
  });

  it.each([ping, pong])("a leftover $kind of an earlier connection is passed over", (input) => {
    expect(run([input])).toEqual({ state: initialState, effects: [] });
  });

  it.each(FRAME_FAULTS.filter((fault) => fault !== "handshake_invalid"))(
    "the bad line %s is only complained of",
    (fault) => {
      const { state, effects } = run([{ kind: "fault", fault, detail: "d" }]);
      expect(state).toBe(initialState);
      expect(effects).toEqual([{ kind: "complain", fault, detail: "d" }]);
    },
  );

  it("a handshake that the codec finds invalid closes it", () => {
    const { effects } = run([{ kind: "fault", fault: "handshake_invalid", detail: "d" }]);
    expect(effects).toEqual([
      { kind: "complain", fault: "handshake_invalid", detail: "d" },
      closes("handshake_invalid"),
    ]);
  });
});

describe("once identified", () => {
  it("each line goes in, whoever it claims to be from", () => {
    const { state, effects } = run([chat(1), chat(2, { ...phone, bot: "other" })], identified);
    expect(state).toBe(identified);
    expect(kinds(effects)).toEqual(["ingest", "ingest"]);
  });

  it("the same handshake again is only answered, whatever its version", () => {
    const { state, effects } = run([handshake({ ...phone, version: "9" })], identified);
    expect(state).toBe(identified);
    expect(effects).toEqual([{ kind: "welcome" }]);
  });

  it.each([
    { ...phone, bot: "other" },
    { ...phone, device: "d2" },
    { ...phone, bot: "" },
  ])("another identity is refused and the first kept", (other) => {
    const { state, effects } = run([handshake(other)], identified);
    expect(state).toBe(identified);
    expect(effects).toEqual([{ kind: "keep_identity", refused: other }]);
  });

  it("a ping is answered with its echo, a pong measured", () => {
    expect(run([ping, pong], identified).effects).toEqual([
      { kind: "answer_ping", echo: "e", vitals, proof: null },
      { kind: "measure", token: "t", vitals, proof: null },
    ]);
  });

  it.each(FRAME_FAULTS)("the bad line %s is only complained of", (fault) => {
    expect(run([{ kind: "fault", fault, detail: "d" }], identified)).toEqual({
      state: identified,
      effects: [{ kind: "complain", fault, detail: "d" }],
    });
  });

  it("the handshake's deadline means nothing any more", () => {
    expect(run([deadline], identified)).toEqual({ state: identified, effects: [] });
  });
});

describe("in every state", () => {
  it.each([initialState, identified])(
    "$phase: a foreign protocol, a line too long, an end from outside close it",
    (state) => {
      const refuse: Input = { kind: "refuse", fault: "protocol_unsupported", detail: "d" };
      expect(run([refuse], state).effects.at(-1)).toEqual(closes("protocol_unsupported"));
      const nameless: Input = { kind: "refuse", fault: "handshake_invalid", detail: "d" };
      expect(run([nameless], state).effects.at(-1)).toEqual(closes("handshake_invalid"));
      expect(run([{ kind: "too_large" }], state).effects.at(-1)).toEqual(closes("frame_too_large"));
      expect(run([{ kind: "ended", reason: "drain" }], state)).toEqual({ state: closed, effects: [closes("drain")] });
    },
  );

  it.each([handshake(), chat(1), chat(1, phone), ping, pong, deadline, { kind: "ended", reason: "drain" } as const])(
    "closed: nothing follows any more ($kind)",
    (input) => {
      expect(run([input], closed)).toEqual({ state: closed, effects: [] });
    },
  );
});
