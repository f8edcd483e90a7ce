import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { limits } from "#common/contract/limits.ts";
import { hasProxySignature, readProxyHeader } from "./proxy-protocol.ts";

const SIGNATURE = Buffer.from("0d0a0d0a000d0a515549540a", "hex");
const REST = Buffer.from('{"botName":"b"}\n');
const IPV4 = "c0000201c63364070fa005d2";
const IPV6 = `20010db8${"0".repeat(16)}00000001${"fe80".padEnd(31, "0")}10fa005d2`;

function v2(command: number, family: number, hex: string): Buffer {
  const addresses = Buffer.from(hex, "hex");
  return Buffer.concat([
    SIGNATURE,
    Buffer.from([command, family, addresses.length >> 8, addresses.length & 255]),
    addresses,
  ]);
}

const read = (header: Buffer | string) => readProxyHeader(Buffer.concat([Buffer.from(header), REST]));

describe("a header of version 1", () => {
  test.each([
    ["PROXY TCP4 192.0.2.1 198.51.100.7 4000 1490\r\n", "192.0.2.1:4000"],
    ["PROXY TCP6 2001:db8::1 fe80::1 65535 0\r\n", "2001:db8::1:65535"],
    ["PROXY UNKNOWN\r\n", null],
    ["PROXY UNKNOWN ffff::1 ::1 1 2\r\n", null],
  ])("names its source (%#)", (header, source) => {
    expect(read(header)).toEqual({ kind: "whole", bytes: header.length, source });
  });
  test.each([
    "PROXY TCP4 192.0.2.256 198.51.100.7 4000 1490\r\n",
    "PROXY TCP4 2001:db8::1 fe80::1 1 2\r\n",
    "PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n",
    "PROXY TCP4 192.0.2.1 198.51.100.7 65536 1490\r\n",
    "PROXY TCP4 192.0.2.1 198.51.100.7 04000 1490\r\n",
    "PROXY TCP4 192.0.2.1 198.51.100.7 -1 1490\r\n",
    "PROXY TCP4  192.0.2.1 198.51.100.7 4000 1490\r\n",
    "PROXY TCP4 192.0.2.1 198.51.100.7 4000\r\n",
    "PROXY UDP4 192.0.2.1 198.51.100.7 4000 1490\r\n",
    "PROXY UNKNOWNS\r\n",
    `PROXY TCP4 ${"1".repeat(120)}\r\n`,
    "proxy TCP4 192.0.2.1 198.51.100.7 4000 1490\r\n",
    "PROXYTCP4",
    '{"botName":"b","version":"1","deviceID":"d"}\n',
  ])("of another form is wrong at once (%#)", (header) => {
    expect(read(header)).toMatchObject({ kind: "wrong" });
  });
});

describe("a header of version 2", () => {
  test.each([
    [v2(0x21, 0x11, IPV4), "192.0.2.1:4000"],
    [v2(0x21, 0x11, `${IPV4}0400010203`), "192.0.2.1:4000"],
    [v2(0x21, 0x21, IPV6), "2001:db8::1:4000"],
    [v2(0x20, 0x00, ""), null],
    [v2(0x20, 0x11, IPV4), null],
    [v2(0x21, 0x00, "ffff"), null],
  ])("names its source, whatever else it carries (%#)", (header, source) => {
    expect(read(header)).toEqual({ kind: "whole", bytes: header.length, source });
  });
  test.each([
    v2(0x11, 0x11, IPV4),
    v2(0x22, 0x11, IPV4),
    v2(0x21, 0x12, IPV4),
    v2(0x21, 0x31, "00".repeat(216)),
    v2(0x21, 0x11, IPV4.slice(2)),
    v2(0x21, 0x21, IPV4),
    v2(0x21, 0x11, "00".repeat(limits.proxyHeaderBytesMax)),
  ])("that cannot be used is wrong (%#)", (header) => {
    expect(read(header)).toMatchObject({ kind: "wrong" });
  });
});

describe("any header", () => {
  const whole = [Buffer.from("PROXY TCP4 192.0.2.1 198.51.100.7 4000 1490\r\n"), v2(0x21, 0x21, IPV6)];
  test.each(whole)("is incomplete up to its last byte, however it is cut (%#)", (header) => {
    for (let length = 0; length < header.length; length++) {
      expect(readProxyHeader(header.subarray(0, length))).toEqual({ kind: "incomplete" });
    }
    expect(readProxyHeader(header)).toMatchObject({ kind: "whole", bytes: header.length });
  });
  test("is bounded: as many bytes as it may have are never incomplete", () => {
    const headed = fc.constantFrom(Buffer.from("PROXY "), SIGNATURE, Buffer.alloc(0));
    fc.assert(
      fc.property(headed, fc.uint8Array({ maxLength: 64 }), (head, tail) => {
        const padding = Buffer.alloc(limits.proxyHeaderBytesMax);
        const result = readProxyHeader(Buffer.concat([head, tail, padding]));
        expect(result.kind).not.toBe("incomplete");
        if (result.kind === "whole") expect(result.bytes).toBeLessThanOrEqual(limits.proxyHeaderBytesMax);
      }),
      { numRuns: 2_000 },
    );
  });
  test("is told from a phone's first bytes by its whole signature", () => {
    for (const header of whole) expect(hasProxySignature(header)).toBe(true);
    for (const text of ["", "P", "\r\n", "\r\n\r\n{}", '{"botName":"PROXY "}'])
      expect(hasProxySignature(Buffer.from(text))).toBe(false);
  });
});
