import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { MediaItem, OutboundAction } from "#common/contract/envelope.ts";
import type { ChatLine, Decoded, Session } from "../platform.ts";
import { bridge } from "./index.ts";

const NOW_MS = Date.parse("2025-07-21T12:12:12.000Z");
const FOLDER = new URL("./transcripts/", import.meta.url);

interface Transcript {
  readonly name: string;
  readonly said: readonly string[];
  readonly understood: readonly unknown[];
  readonly shown: readonly unknown[];
  readonly pings: readonly unknown[];
}

function bytesOf(text: string): Buffer {
  return Buffer.from(text);
}

/** JSON and RAW of a frame, so that key order and spacing do not matter. */
function partsOf(line: string): { json: { event: string; data: Record<string, unknown> }; raw: string } {
  const end = line.lastIndexOf("}") + 1;
  return { json: JSON.parse(line.slice(0, end)), raw: line.slice(end) };
}

function load(file: string): Transcript {
  const lines = readFileSync(new URL(file, FOLDER), "utf8").split("\n");
  const of = (mark: string) => lines.filter((line) => line.startsWith(mark)).map((line) => line.slice(3));
  const sent = of("<< ").map(partsOf);
  const isPing = (frame: (typeof sent)[number]) => frame.json.data.channel_id === "ping";
  return {
    name: file,
    said: of(">> "),
    understood: of("== ").map((line) => {
      const understood = JSON.parse(line);
      return understood.kind === "handshake" ? understood : { ...understood, proof: null };
    }),
    shown: sent.filter((frame) => !isPing(frame)),
    pings: sent.filter(isPing),
  };
}

/** What the bot of the transcripts says: `# echo X` and `# photo <wait> <item> ...`. */
function answer(line: ChatLine): OutboundAction | null {
  const { channel, room } = line;
  const base = { v: 1, id: `${line.logId}:0`, bot: "LOA.i", channel, room, deadline: 0 } as const;
  if (line.text.startsWith("# echo ")) return { ...base, kind: "text", text: `에코: ${line.text.slice(7)}` };
  if (!line.text.startsWith("# photo ")) return null;
  const [waitMs, ...values] = line.text.slice(8).split(" ");
  const items = values.map((value): MediaItem => ({ form: value.startsWith("http") ? "url" : "base64", value }));
  return { ...base, kind: "media", media: "image", items, waitMs: Number(waitMs) };
}

function framesFor(session: Session, decoded: Decoded): readonly Uint8Array[] {
  if (decoded.kind === "handshake") return [session.welcome(NOW_MS, "approved")];
  if (decoded.kind === "ping") return [session.pong("LOA.i", decoded.echo)];
  const action = decoded.kind === "chat" ? answer(decoded.line) : null;
  return action === null ? [] : session.encode(action, { nowMs: NOW_MS, resent: false });
}

function replay(chunks: Iterable<Uint8Array>): { understood: Decoded[]; shown: unknown[] } {
  const session = bridge.open();
  const understood: Decoded[] = [];
  const shown: unknown[] = [];
  for (const chunk of chunks) {
    for (const frame of session.push(chunk).frames) {
      const decoded = session.decode(frame);
      // A proof is the line's own `auth`, which the transcript has above it.
      if (decoded.kind !== "fault") understood.push("proof" in decoded ? { ...decoded, proof: null } : decoded);
      for (const out of framesFor(session, decoded)) shown.push(partsOf(Buffer.from(out).toString().slice(0, -1)));
    }
  }
  return { understood, shown };
}

function* eachByte(bytes: Uint8Array): Generator<Uint8Array> {
  for (let i = 0; i < bytes.length; i++) yield bytes.subarray(i, i + 1);
}

const JUNK = Buffer.concat([
  bytesOf(
    '\r\n\n{bad\ngarbage }{\n{"event":"x","data":{}}\n{"event":"analyze"}\n{"event":"analyze","data":[1]}\n[1,{}]\n',
  ),
  Buffer.from([0xff, 0xfe, 0x80, 0x7d, 10]),
  bytesOf('{"event":"analyze","data":{"room":"방","text":"x"}}\n{"event":"ping"}\n"}"\n'),
]);

describe.each(readdirSync(FOLDER).map(load))("transcript $name", (transcript) => {
  const whole = bytesOf(`${transcript.said.join("\n")}\n`);
  const expected = { understood: transcript.understood, shown: transcript.shown };

  test("is understood and answered line by line", () => {
    expect(replay(transcript.said.map((line) => bytesOf(`${line}\n`)))).toEqual(expected);
  });
  test("is the same in one piece", () => {
    expect(replay([whole])).toEqual(expected);
  });
  test("is the same byte by byte", () => {
    expect(replay(eachByte(whole))).toEqual(expected);
  });
  test("is the same cut in two at any byte", () => {
    for (let cut = 1; cut < whole.length; cut += 7) {
      expect(replay([whole.subarray(0, cut), whole.subarray(cut)])).toEqual(expected);
    }
  });
  test("is the same with CRLF", () => {
    expect(replay([bytesOf(`${transcript.said.join("\r\n")}\r\n`)])).toEqual(expected);
  });
  test("is the same with junk between", () => {
    expect(replay([JUNK, ...transcript.said.flatMap((line) => [bytesOf(`${line}\n`), JUNK])])).toEqual(expected);
  });
  test("has our ping as every dialect reads it", () => {
    const ping = partsOf(Buffer.from(bridge.open().ping("LOA.i", "7")).toString().slice(0, -1));
    expect(transcript.pings).toEqual([ping]);
  });
});
