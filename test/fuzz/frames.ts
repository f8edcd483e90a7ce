/**
 * `node test/fuzz/frames.ts --frames 100000 --seed N --json`: whatever a socket sends, framer and decoder give frames and
 * meanings, throw nothing, and keep nothing. Exit code 0: so it is. 1: not; fast-check's report has the smallest example.
 *
 * A run is a stream: frames of every sort, real lines with bytes changed among them, cut anywhere. It is pushed through
 * one session whole and through another in pieces. After a quarter of the frames, and at the end, memory is read behind a
 * forced collection: what a codec keeps by the frame would show.
 */
import { readdirSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { limits } from "#common/contract/limits.ts";
import { bridge } from "#gateway/platforms/bridge/index.ts";
import type { Decoded, Proof, Session } from "#gateway/platforms/platform.ts";

export interface FuzzReport {
  readonly frames: number;
  readonly streams: number;
  readonly meanings: Readonly<Record<string, number>>;
  readonly growth_kib: number;
  readonly seconds: number;
}

const STREAMS_PER_ROUND = 200;
const GROWTH_KIB_MAX = 4_096;
const DETAIL_CHARS_MAX = 40;
const PONG_BYTES_MAX = 32 * 1024;
const NOW_MS = Date.UTC(2025, 6, 21);
const identity = { bot: "b", device: "d", version: "1", clientType: "c", deviceInfo: "" };
const keys = [{ key: "k", salt: "s" }];

const transcripts = new URL("../../gateway/platforms/bridge/transcripts/", import.meta.url);
const realLines = readdirSync(transcripts).flatMap((name) =>
  readFileSync(new URL(name, transcripts), "utf8")
    .split("\n")
    .filter((line) => line.startsWith(">> "))
    .map((line) => Buffer.from(line.slice(3))),
);

const FIELDS = ["room", "channelId", "channel_id", "logId", "text", "auth", "server_timestamp", "timestamp", "botName"];
const ODD_KEYS = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "event", "data", ""];
const events = fc.constantFrom("handshake", "analyze", "message", "ping", "pong", "nothing", "", null, 7);
const value = fc.oneof(
  fc.constant({ a: ["x"] }),
  fc.jsonValue(),
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.constantFrom("1", "  ", "x".repeat(1_001), "IyBlY2hv", "\ud800", null, true, 0.5, -1),
);
const data = fc.dictionary(fc.constantFrom(...FIELDS, ...ODD_KEYS), value, { maxKeys: 8 });
const shaped = fc
  .tuple(events, fc.oneof(data, fc.jsonValue()), fc.string({ maxLength: 20 }))
  .map(([event, data, raw]) => Buffer.from(JSON.stringify({ event, data }) + raw));
const numbered = fc
  .tuple(fc.constantFrom("channelId", "log_id"), fc.bigInt({ min: -(2n ** 65n), max: 2n ** 65n }))
  .map(([field, id]) =>
    Buffer.from(`{"event":"analyze","data":{"room":"r","text":"t","channelId":"1","${field}":${id}}}`),
  );
const deep = fc
  .tuple(fc.constantFrom("[", '{"a":'), fc.integer({ min: 1, max: 20_000 }), fc.boolean())
  .map(([open, depth, ends]) => {
    const close = open === "[" ? "]" : "1}";
    return Buffer.from(`{"event":"analyze","data":${open.repeat(depth)}${ends ? close.repeat(depth) : ""}}`);
  });
const mutated = fc
  .tuple(
    fc.constantFrom(...realLines),
    fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }), fc.nat(3)), { maxLength: 4 }),
  )
  .map(([line, edits]) => edits.reduce(edited, line));
const frame = fc.oneof(
  { weight: 6, arbitrary: mutated },
  { weight: 4, arbitrary: shaped },
  { weight: 2, arbitrary: numbered },
  { weight: 2, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)) },
  { weight: 1, arbitrary: fc.json().map((json) => Buffer.from(json)) },
  { weight: 1, arbitrary: deep },
);
const stream = fc
  .array(fc.tuple(frame, fc.constantFrom("\n", "\n", "\r\n", "\n\n", "")), { minLength: 1, maxLength: 12 })
  .map((frames) => Buffer.concat(frames.flatMap(([bytes, end]) => [bytes, Buffer.from(end)])));
const run = fc.tuple(stream, fc.integer({ min: 1, max: 700 }));

/** One byte changed, put in, taken out, or doubled. */
function edited(line: Buffer, [place, byte, how]: readonly [number, number, number]): Buffer {
  const at = place % line.length;
  const middle = [
    Buffer.from([byte]),
    Buffer.from([byte, line[at] as number]),
    Buffer.alloc(0),
    Buffer.from([line[at], line[at]] as number[]),
  ];
  return Buffer.concat([line.subarray(0, at), middle[how] as Buffer, line.subarray(at + 1)]);
}

/** Enough frames and no fewer. @throws Error with fast-check's smallest example, or when memory grew */
export function fuzzFrames({ frames, seed }: { readonly frames: number; readonly seed: number }): FuzzReport {
  const startedMs = performance.now();
  const meanings: Record<string, number> = {};
  let done = 0;
  let streams = 0;
  let heapBefore = 0;
  for (let round = 0; done < frames; round++) {
    const property = fc.property(run, ([bytes, size]) => {
      for (const kind of meaningsOf(bytes, size)) {
        meanings[kind] = (meanings[kind] ?? 0) + 1;
        done++;
      }
    });
    fc.assert(property, { numRuns: STREAMS_PER_ROUND, seed: seed + round, verbose: false });
    streams += STREAMS_PER_ROUND;
    if (heapBefore === 0 && done >= frames / 4) heapBefore = heapKib();
  }
  const growth = Math.round(heapKib() - heapBefore);
  if (growth > GROWTH_KIB_MAX) throw new Error(`memory grew by ${growth} KiB over ${done} frames`);
  const seconds = Math.round((performance.now() - startedMs) / 100) / 10;
  return { frames: done, streams, meanings, growth_kib: growth, seconds };
}

function meaningsOf(bytes: Buffer, size: number): readonly string[] {
  const [whole, pieces] = [bridge.open(), bridge.open()];
  const frames = whole.push(bytes).frames;
  const again: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    const pushed = pieces.push(Buffer.from(bytes.subarray(at, at + size)));
    expect(pushed.heldBytes <= limits.frameBytesMax, "the framer holds more than a frame");
    again.push(...pushed.frames);
  }
  expect(frames.length === again.length, "a stream in pieces has other frames");
  return frames.map((one, i) => {
    expect(Buffer.compare(one, again[i] as Uint8Array) === 0, "a frame in pieces has other bytes");
    const decoded = whole.decode(one);
    expect(JSON.stringify(decoded) === JSON.stringify(pieces.decode(one)), "a frame has two meanings");
    check(decoded, whole);
    return decoded.kind;
  });
}

function check(decoded: Decoded, session: Session): void {
  expect(!("polluted" in {}) && Object.keys(Object.prototype).length === 0, "the prototype of all objects was changed");
  switch (decoded.kind) {
    case "handshake":
      for (const name of [decoded.identity.bot, decoded.identity.device, decoded.identity.version]) {
        expect(isName(name), "an identity that is none");
      }
      break;
    case "chat": {
      const { channel, room, text, logId } = decoded.line;
      expect(isName(channel) && isName(room) && text !== "", "a line that lacks what it needs");
      expect(logId === null || isName(logId), "an id that is none");
      verify(decoded.proof);
      break;
    }
    case "ping": {
      const echoed = Object.values(decoded.echo as object);
      const isShort = (one: unknown) => typeof one !== "object" && String(one).length <= limits.fieldCharsMax;
      expect(echoed.every(isShort), "an echo of what was not read");
      const pong = Buffer.from(session.pong("b", decoded.echo));
      expect(pong.indexOf("\n") === pong.length - 1 && pong.length <= PONG_BYTES_MAX, "an echo that is no line");
      verify(decoded.proof);
      break;
    }
    case "pong":
      verify(decoded.proof);
      break;
    default:
      expect(decoded.detail.length <= DETAIL_CHARS_MAX, "a fault that tells more than the field");
  }
}

/** Nobody here knows a key. */
function verify(proof: Proof | null): void {
  if (proof !== null)
    expect(bridge.verify(proof, { identity, keys, nowMs: NOW_MS }).result !== "valid", "a forged proof");
}

function isName(text: unknown): boolean {
  return typeof text === "string" && text.trim() !== "" && text.length <= limits.fieldCharsMax;
}

function expect(isSo: boolean, otherwise: string): void {
  if (!isSo) throw new Error(otherwise);
}

function heapKib(): number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 1_024;
}

function main(): number {
  const { values } = parseArgs({
    options: {
      frames: { type: "string", default: "100000" },
      seed: { type: "string", default: "1" },
      json: { type: "boolean" },
    },
  });
  const [frames, seed] = [Number(values.frames), Number(values.seed)];
  if (!(frames > 0) || !Number.isInteger(seed)) {
    process.stderr.write("--frames is above 0, --seed a whole number\n");
    return 2;
  }
  try {
    process.stdout.write(`${JSON.stringify(fuzzFrames({ frames, seed }))}\n`);
    return 0;
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    return 1;
  }
}

if (import.meta.main) process.exitCode = main();
