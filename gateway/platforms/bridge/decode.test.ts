import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ChatLine, Decoded } from "../platform.ts";
import { bridge } from "./index.ts";

function bytesOf(text: string): Buffer {
  return Buffer.from(text);
}

function decode(text: string | Uint8Array): Decoded {
  return bridge.open().decode(typeof text === "string" ? bytesOf(text) : text);
}

function analyze(data: Record<string, unknown>): string {
  return JSON.stringify({ event: "analyze", data: { room: "방", channelId: "1001", text: "안녕", ...data } });
}

function message(raw: string, data: Record<string, unknown> = {}): string {
  const fields = { room: "방", channel_id: "1001", content_encoding: "base64", ...data };
  return JSON.stringify({ event: "message", data: fields }) + raw;
}

function lineOf(decoded: Decoded): ChatLine {
  if (decoded.kind !== "chat") throw new Error(`not a chat line: ${JSON.stringify(decoded)}`);
  return decoded.line;
}

describe("a line of chat", () => {
  test.each(["}", '"\\', "a\r\nb", "\u2028", "🎉👨‍👩‍👧", "한글", "   ", "가".repeat(65_000), "가".repeat(65_001)])(
    "keeps its text in both framings (%#)",
    (text) => {
      expect(lineOf(decode(analyze({ text }))).text).toBe(text);
      expect(lineOf(decode(message(bytesOf(text).toString("base64")))).text).toBe(text);
    },
  );
  test("whose RAW is not base64 is its RAW", () => {
    expect(lineOf(decode(message("# echo 안녕"))).text).toBe("# echo 안녕");
    expect(lineOf(decode(message("echo test"))).text).toBe("echo test");
    expect(lineOf(decode(message("안녕", { content_encoding: "none" }))).text).toBe("안녕");
  });
  test("whose RAW has spaces or no padding is still base64", () => {
    expect(lineOf(decode(message(" IyBlY2hv IOyViOuFlQ \r"))).text).toBe("# echo 안녕");
  });
  test.each([undefined, [], [0], [-1, 4], [9, 2, 1e99], ["a"], null, "x"])(
    "does not rely on positions (%#)",
    (value) => {
      expect(lineOf(decode(message("7JWI64WV", { message_positions: value }))).text).toBe("안녕");
    },
  );
  test("keeps every digit of a 64-bit id, as string and as number", () => {
    expect(lineOf(decode(analyze({ channelId: "18446369739418675", logId: "9223372036854775807" })))).toMatchObject({
      channel: "18446369739418675",
      logId: "9223372036854775807",
    });
    const numbers = analyze({}).replace('"1001"', "9223372036854775807").replace("{", '{"logId":1,');
    expect(lineOf(decode(numbers)).channel).toBe("9223372036854775807");
  });
  test("means the same in camelCase and snake_case", () => {
    const camel = { channelId: "1", logId: "2", userHash: "u", isMention: true, isGroupChat: true };
    const snake = { channel_id: "1", log_id: "2", user_hash: "u", is_mention: true, is_group_chat: true };
    const raw = "7JWI64WV";
    expect(decode(message(raw, { ...camel, channel_id: undefined }))).toEqual(decode(message(raw, snake)));
  });
  test("reads a time without zone as Korean, and an unreadable one as none", () => {
    const at = (timestamp: unknown) => lineOf(decode(analyze({ timestamp }))).clientAt;
    expect(at("2025-07-21 21:12:11")).toBe(Date.parse("2025-07-21T12:12:11Z"));
    expect(at("2025-07-21T12:12:11.123Z")).toBe(Date.parse("2025-07-21T12:12:11.123Z"));
    expect(at("2025-07-21T12:12:11+05:30")).toBe(Date.parse("2025-07-21T06:42:11Z"));
    for (const odd of ["2025-13-41 25:61:61", "soon", "", null, 1753099931000, {}]) expect(at(odd)).toBeNull();
  });
  test.each([
    [{ channelId: "" }, "missing_channel"],
    [{ channelId: null }, "missing_channel"],
    [{ channelId: {} }, "missing_channel"],
    [{ channelId: "9".repeat(1_001) }, "missing_channel"],
    [{ room: " " }, "missing_room"],
    [{ room: 5 }, "missing_room"],
    [{ text: "" }, "missing_text"],
    [{ text: null }, "missing_text"],
  ])("without what it needs is counted by what is missing (%#)", (data, fault) => {
    expect(decode(analyze(data))).toMatchObject({ kind: "fault", fault });
  });
  test("with odd keys, twice the same key or great depth does no harm", () => {
    const odd =
      '{"event":"analyze","data":{"__proto__":{"text":"x"},"constructor":1,"room":"a","room":"방","channelId":"1"}}';
    expect(decode(odd)).toMatchObject({ kind: "fault", fault: "missing_text" });
    const depth = 100_000;
    const deep = `{"event":"analyze","data":{"room":"방","channelId":5,"text":"x","y":${"[".repeat(depth)}${"]".repeat(depth)}}}`;
    expect(decode(deep).kind).toBe("fault");
    expect(decode(deep.replace(":5,", ':"5",')).kind).toBe("chat");
    expect(({} as { text?: string }).text).toBeUndefined();
  });
  test("with broken UTF-8 is read with replacements; not_utf8 is told only when the JSON broke", () => {
    const broken = Buffer.concat([
      bytesOf('{"event":"analyze","data":{"room":"방","channelId":"1","text":"a'),
      Buffer.from([0xff]),
      bytesOf('"}}'),
    ]);
    expect(lineOf(decode(broken)).text).toBe("a\ufffd");
    expect(decode(Buffer.from([0xff, 0x7d]))).toMatchObject({ fault: "not_utf8" });
    expect(decode("{bad}")).toMatchObject({ fault: "not_json" });
  });
});

describe("a handshake", () => {
  test.each(["botName", "version", "deviceID"])("without %s is refused by that name", (field) => {
    const whole = { botName: "b", version: "1", deviceID: "d" };
    for (const value of [undefined, "", "  ", 5, null, {}, "x".repeat(1_001), "a\nb"]) {
      const refused = { kind: "refuse", fault: "handshake_invalid", detail: field };
      expect(decode(JSON.stringify({ ...whole, [field]: value }))).toEqual(refused);
      expect(decode(JSON.stringify({ event: "handshake", data: { ...whole, [field]: value } }))).toEqual(refused);
    }
  });
  test("of 3.3.1 is refused as a protocol that nobody else speaks", () => {
    expect(decode('{"type":"handshake","auth":{},"info":{}}')).toMatchObject({
      kind: "refuse",
      fault: "protocol_unsupported",
    });
  });
  test("that is bad in mid-session is counted, and the connection stays", () => {
    const session = bridge.open();
    session.decode(bytesOf('{"botName":"b","version":"1","deviceID":"d"}'));
    expect(session.decode(bytesOf('{"event":"handshake","data":null}'))).toMatchObject({ kind: "fault" });
  });
});

describe("a ping", () => {
  test("of ours comes back as its token, whatever event carries it", () => {
    const ping = JSON.parse(Buffer.from(bridge.open().ping("b", "n0nce:12")).toString());
    for (const event of ["ping", "pong"]) {
      const back = { event, data: { bot_name: "b", server_timestamp: ping.data.server_timestamp } };
      expect(decode(JSON.stringify(back))).toMatchObject({ kind: "pong", token: "n0nce:12" });
    }
  });
  test("tells the phone's vitals, nested or flat, and null for what is absent or no number", () => {
    const monitoring = { uptime: 3_600_000, messageCount: 125, lastActivity: "2024-01-01T12:00:00Z" };
    const client_status = { cpu: null, ram: { usedMB: 128, maxMB: 512 }, temp: -3.5 };
    const nothing = { memoryUsedMb: null, memoryMaxMb: null, queueSize: null, activeRooms: null, cpu: null };
    const rest = { temperature: null, uptimeMs: null, messageCount: null, lastActivity: null, isManual: false };
    const vitalsOf = (data: string) => decode(`{"event":"pong","data":${data}}`);
    expect(vitalsOf(JSON.stringify({ client_status, monitoring, is_manual: true }))).toMatchObject({
      vitals: {
        ...{ memoryUsedMb: 128, memoryMaxMb: 512, cpu: null, temperature: -3.5, uptimeMs: 3_600_000 },
        ...{ messageCount: 125, lastActivity: "2024-01-01T12:00:00Z", isManual: true },
      },
    });
    const flat = '{"cpu_usage":0,"memory_usage":1,"uptime":60,"queue_size":2,"active_rooms":3,"total_memory":4}';
    const told = { memoryUsedMb: 1, memoryMaxMb: 4, queueSize: 2, activeRooms: 3, cpu: 0, uptimeMs: 60_000 };
    expect(vitalsOf(flat)).toMatchObject({ vitals: { ...rest, ...told } });
    const junk =
      '{"client_status":{"cpu":1e999,"ram":[],"temp":"x"},"monitoring":{"uptime":-1,"lastActivity":"now"},"is_manual":1}';
    for (const data of ["{}", junk]) expect(vitalsOf(data)).toMatchObject({ vitals: { ...nothing, ...rest } });
  });
  test("that answers another server's is not answered: that would never end", () => {
    const stale =
      '{"event":"ping","data":{"bot_name":"b","server_timestamp":"2025-07-21 21:12:11.123","monitoring":{}}}';
    expect(decode(stale)).toMatchObject({ kind: "pong", token: "" });
  });
});

describe("any bytes", () => {
  const junk = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.string({ unit: "binary" }).map(bytesOf),
    fc.json().map((json) => bytesOf(`${json}\n`)),
    fc
      .record({ event: fc.constantFrom("handshake", "analyze", "message", "ping", "pong"), data: fc.jsonValue() })
      .map((o) => bytesOf(`${JSON.stringify(o)}\n`)),
    fc
      .dictionary(
        fc.constantFrom("room", "channelId", "text", "auth", "server_timestamp", "log_id", "timestamp"),
        fc.jsonValue(),
      )
      .map((data) => bytesOf(`${JSON.stringify({ event: "message", data })}x\r\n`)),
  );

  test("are survived, and every complete line has a meaning", () => {
    fc.assert(
      fc.property(fc.array(junk, { maxLength: 20 }), (chunks) => {
        const session = bridge.open();
        for (const chunk of chunks) {
          for (const frame of session.push(chunk).frames) expect(session.decode(frame)).toHaveProperty("kind");
        }
      }),
      { numRuns: 500 },
    );
  });
});
