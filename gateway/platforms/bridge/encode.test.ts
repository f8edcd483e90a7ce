import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { MediaAction, MediaItem, OutboundAction } from "#common/contract/envelope.ts";
import type { Session } from "../platform.ts";
import { bridge } from "./index.ts";

function bytesOf(text: string): Buffer {
  return Buffer.from(text);
}

/** JSON and RAW of a frame, so that key order and spacing do not matter. */
function partsOf(line: string): { json: { event: string; data: Record<string, unknown> }; raw: string } {
  const end = line.lastIndexOf("}") + 1;
  return { json: JSON.parse(line.slice(0, end)), raw: line.slice(end) };
}

const base = { v: 1, bot: "LOA.i", deadline: 0 } as const;

function textAction(text: string, room = "방"): OutboundAction {
  return { ...base, id: "a:0", channel: "1001", room, kind: "text", text };
}

function imageAction(values: readonly string[], more: Partial<MediaAction> = {}): MediaAction {
  const items = values.map((value): MediaItem => ({ form: value.startsWith("http") ? "url" : "base64", value }));
  return { ...base, id: "a:0", channel: "1001", room: "방", kind: "media", media: "image", items, ...more };
}

function sessionAfter(line: string): Session {
  const session = bridge.open();
  session.decode(bytesOf(line));
  return session;
}

const legacy = () => sessionAfter('{"botName":"b","version":"3.2.1","deviceID":"d","clientType":"MessengerBotR"}');
const positions = () => sessionAfter('{"event":"handshake","data":{"botName":"b","version":"3.3.3","deviceID":"d"}}');

function sentBy(session: Session, action: OutboundAction, resent = false): string[] {
  return session.encode(action, { nowMs: 0, resent }).map((frame) => Buffer.from(frame).toString());
}

describe("an answer", () => {
  test("after a second, bare handshake does not take a 3.3 phone back to legacy frames", () => {
    const session = sessionAfter('{"event":"message","data":{}}');
    session.decode(bytesOf('{"botName":"b","version":"3.3.0","deviceID":"d","clientType":"MessengerBotR"}'));
    expect(partsOf(sentBy(session, textAction("x"))[0] as string).raw).toBe("eA==\n");
  });
  test("to the first protocol has exactly room, text and channel_id", () => {
    const plain = sessionAfter('{"botName":"LOA.i","version":"2.9.0c","deviceId":"dev-1"}');
    const [line] = sentBy(plain, textAction("에코: 안녕하세요", "테스트방"));
    const data = { room: "테스트방", text: "에코: 안녕하세요", channel_id: "1001" };
    expect(JSON.parse(line as string)).toEqual({ event: "messageResponse", data });
  });
  test("longer than 65,000 units is split in order, never within a pair", () => {
    const text = `${"가".repeat(64_999)}🎉${"나".repeat(70_000)}`;
    const whole = sentBy(legacy(), textAction(text)).map((line) => JSON.parse(line).data.text as string);
    expect(whole.map((part) => part.length)).toEqual([64_999, 65_000, 5_002]);
    expect(whole.join("")).toBe(text);
    const raws = sentBy(positions(), textAction(text)).map((line) =>
      Buffer.from(partsOf(line).raw, "base64").toString(),
    );
    expect(raws).toEqual(whole);
  });
  test("of any text is one line that the phone reads back", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", minLength: 1 }), fc.string({ unit: "binary" }), (text, room) => {
        const [frame] = sentBy(positions(), textAction(text, room));
        const { json, raw } = partsOf(frame as string);
        expect(frame?.indexOf("\n")).toBe((frame as string).length - 1);
        expect(json.data.room).toBe(room);
        expect(Buffer.from(raw, "base64").toString()).toBe(text);
        expect(JSON.parse(sentBy(legacy(), textAction(text, room))[0] as string).data).toMatchObject({
          text,
          room,
        });
      }),
    );
  });
  test("that is empty is no frame", () => {
    expect(sentBy(legacy(), textAction(""))).toEqual([]);
  });
  test("that may be a repeat says so in every dialect", () => {
    for (const session of [legacy(), positions(), bridge.open()]) {
      expect(partsOf(sentBy(session, textAction("x"), true)[0] as string).json.data.resent).toBe(true);
      expect(partsOf(sentBy(session, textAction("x"))[0] as string).json.data).not.toHaveProperty("resent");
    }
  });
});

describe("pictures", () => {
  const items = ["aGVsbG8=", "https://a.example/ㅋ}.jpg", "d29ybGQ="];
  const cutUp = (line: string) => {
    const { json, raw } = partsOf(line.slice(0, -1));
    const ends = json.data.message_positions as number[];
    return ends.slice(1).map((end, i) => raw.slice(ends[i], end));
  };

  test("of one 3.3 frame are each recovered by UTF-16 offsets", () => {
    expect(sentBy(positions(), imageAction(items)).map(cutUp)).toEqual([
      ["aGVsbG8=", "https://a.example/ㅋ%7D.jpg", "d29ybGQ="],
    ]);
  });
  test("of two forms are separate legacy frames, in order", () => {
    const texts = sentBy(legacy(), imageAction(items)).map((line) => JSON.parse(line).data.text);
    expect(texts).toEqual(["IMAGE_BASE64:aGVsbG8=", "MEDIA_URL:https://a.example/ㅋ%7D.jpg", "IMAGE_BASE64:d29ybGQ="]);
  });
  test("beyond a frame's budget go in several frames, in order", () => {
    const many = Array.from({ length: 10 }, (_, i) => String(i).repeat(700_000));
    const lines = sentBy(positions(), imageAction(many));
    expect(lines.map((line) => cutUp(line).length)).toEqual([2, 2, 2, 2, 2]);
    expect(lines.flatMap(cutUp)).toEqual(many);
    expect(sentBy(positions(), imageAction(["A".repeat(3_000_000)])).length).toBe(1);
  });
  test("that a phone would take for something else are left out", () => {
    expect(sentBy(legacy(), imageAction(["/sdcard/x.png", "data:image/png;base64,aGVsbG8="]))).toEqual([]);
    expect(sentBy(legacy(), imageAction(["aGVsbG8="], { media: "video" }))).toEqual([]);
  });
  test.each([
    [0, 1_000],
    [5_000, 5_000],
    [99_999, 30_000],
  ])("wait %i ms as %i", (waitMs, shown) => {
    expect(JSON.parse(sentBy(legacy(), imageAction(["aGVsbG8="], { waitMs }))[0] as string).data.media_wait_time).toBe(
      shown,
    );
  });
  test("keep a phone busy for as long as its own rule, the wait we ask for, and its downloads", () => {
    expect(positions().busyMs(textAction("x"))).toBe(0);
    expect(positions().busyMs(imageAction(["aGVsbG8="]))).toBe(4_000 + 1_200);
    expect(positions().busyMs(imageAction(["aGVsbG8="], { waitMs: 15_000 }))).toBe(15_000 + 1_200);
    expect(positions().busyMs(imageAction(["https://a.example/1.mp4"]))).toBe(4_000 + 1_200 + 60_000);
  });
});
