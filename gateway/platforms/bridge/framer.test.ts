import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { limits } from "#common/contract/limits.ts";
import { bridge } from "./index.ts";

function bytesOf(text: string): Buffer {
  return Buffer.from(text);
}

describe("lines", () => {
  test("are cut into the same lines, however they arrive", () => {
    const frames = (chunks: Iterable<Uint8Array>) => {
      const session = bridge.open();
      return [...chunks].flatMap((chunk) =>
        session.push(chunk).frames.map((frame) => Buffer.from(frame).toString("hex")),
      );
    };
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400, max: 20 }), fc.integer({ min: 1, max: 9 }), (bytes, size) => {
        const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
          bytes.subarray(i * size, (i + 1) * size),
        );
        expect(frames(pieces)).toEqual(frames([bytes]));
      }),
    );
  });
  test("end with LF or CRLF, and empty ones are nothing", () => {
    const { frames } = bridge.open().push(bytesOf("\r\n\na\r\n\nb\nc\rd\r\n\r"));
    expect(frames.map((frame) => Buffer.from(frame).toString())).toEqual(["a", "b", "c\rd"]);
  });
  test("without an end are given up at the limit, and not a byte earlier", () => {
    for (const [extra, tooLarge] of [
      [-1, false],
      [0, false],
      [1, true],
    ] as const) {
      const session = bridge.open();
      const line = Buffer.alloc(limits.frameBytesMax + extra, "x");
      expect(session.push(bytesOf("a\n")).frames.length).toBe(1);
      expect(session.push(line).tooLarge).toBe(tooLarge);
      expect(session.push(bytesOf("\nb\n"))).toMatchObject(tooLarge ? { frames: [], tooLarge } : { tooLarge });
    }
  });
  test("byte by byte up to the limit cost linear time", () => {
    const session = bridge.open();
    const byte = bytesOf("x");
    for (let i = 0; i < limits.frameBytesMax; i++) session.push(byte);
    expect(session.push(bytesOf("\n")).frames[0]?.length).toBe(limits.frameBytesMax);
  });
  test("of a finished line are not overwritten by the next", () => {
    const session = bridge.open();
    session.push(bytesOf("fir"));
    const [first] = session.push(bytesOf("st\nsec")).frames;
    session.push(bytesOf("ond\n"));
    expect(Buffer.from(first as Uint8Array).toString()).toBe("first");
  });
});
