/**
 * The PROXY protocol, versions 1 (a line of text) and 2 (binary): with it a load balancer says for whom it dials. Pure.
 * Only the source is read; destination and v2's extra fields (TLVs) are passed over.
 *
 * A header is told wrong at the first byte that cannot be part of one, so that a peer that sends none is not waited for.
 */
import { isIP } from "node:net";
import { limits } from "#common/contract/limits.ts";

export type ProxyHeader =
  | { readonly kind: "incomplete" }
  /** `bytes`: where the peer's own data begins. `source`: `address:port`; null when the proxy speaks for itself. */
  | { readonly kind: "whole"; readonly bytes: number; readonly source: string | null }
  | { readonly kind: "wrong"; readonly detail: string };

const V1 = Buffer.from("PROXY ");
const V2 = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
const V1_BYTES_MAX = 107;
const V2_FIXED_BYTES = 16;
const V1_LINE = /^PROXY (TCP4|TCP6) (\S+) (\S+) (\d{1,5}) (\d{1,5})$/;
/** Bytes of an address by the second byte after the signature: family and transport. */
const V2_ADDRESS_BYTES: Readonly<Record<number, 4 | 16>> = { 17: 4, 33: 16 };
const UNSPECIFIED = 0x00;
const INCOMPLETE: ProxyHeader = { kind: "incomplete" };

/** @param received everything since the connection began */
export function readProxyHeader(received: Uint8Array): ProxyHeader {
  const bytes = Buffer.from(received.buffer, received.byteOffset, received.byteLength);
  if (begins(bytes, V1)) return readV1(bytes);
  if (begins(bytes, V2)) return readV2(bytes);
  return wrong("no PROXY header");
}

/** A whole signature stands at the beginning: no phone begins so. */
export function hasProxySignature(received: Uint8Array): boolean {
  return [V1, V2].some((signature) => begins(received, signature, signature.length));
}

/** As far as it goes: too few bytes may still become one. */
function begins(bytes: Uint8Array, signature: Buffer, least = 0): boolean {
  const length = Math.min(bytes.length, signature.length);
  return length >= least && signature.subarray(0, length).equals(bytes.subarray(0, length));
}

function readV1(bytes: Buffer): ProxyHeader {
  const end = bytes.subarray(0, V1_BYTES_MAX).indexOf("\r\n");
  if (end === -1) return bytes.length >= V1_BYTES_MAX ? wrong("a v1 line without end") : INCOMPLETE;
  const line = bytes.toString("latin1", 0, end);
  if (/^PROXY UNKNOWN(?: |$)/.test(line)) return { kind: "whole", bytes: end + 2, source: null };
  const [, family, source = "", destination = "", port = "", toPort = ""] = V1_LINE.exec(line) ?? [];
  if (family === undefined) return wrong("a v1 line of another form");
  const version = family === "TCP4" ? 4 : 6;
  const arePorts = isPort(port) && isPort(toPort);
  if (isIP(source) !== version || isIP(destination) !== version || !arePorts) return wrong("a v1 address");
  return { kind: "whole", bytes: end + 2, source: `${source}:${port}` };
}

function isPort(text: string): boolean {
  return String(Number(text)) === text && Number(text) <= 65_535;
}

function readV2(bytes: Buffer): ProxyHeader {
  if (bytes.length < V2_FIXED_BYTES) return INCOMPLETE;
  const command = bytes.readUInt8(12);
  const family = bytes.readUInt8(13);
  const length = V2_FIXED_BYTES + bytes.readUInt16BE(14);
  if (command !== 0x20 && command !== 0x21) return wrong("a v2 version or command");
  if (length > limits.proxyHeaderBytesMax) return wrong("a v2 header over the limit");
  if (bytes.length < length) return INCOMPLETE;
  // LOCAL: a health check of the proxy itself, which must be let in whatever else stands there.
  if (command === 0x20 || family === UNSPECIFIED) return { kind: "whole", bytes: length, source: null };
  const size = V2_ADDRESS_BYTES[family];
  if (size === undefined) return wrong("a v2 family other than TCP over IPv4 or IPv6");
  if (length < V2_FIXED_BYTES + 2 * size + 4) return wrong("a v2 header too short for its addresses");
  const address = addressOf(bytes.subarray(V2_FIXED_BYTES, V2_FIXED_BYTES + size));
  return { kind: "whole", bytes: length, source: `${address}:${bytes.readUInt16BE(V2_FIXED_BYTES + 2 * size)}` };
}

/** IPv6 in its canonical, shortened form, as sockets tell it. */
function addressOf(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups = bytes.toString("hex").match(/.{4}/g) ?? [];
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}

function wrong(detail: string): ProxyHeader {
  return { kind: "wrong", detail };
}
