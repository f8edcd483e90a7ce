/**
 * Fernet, the token that Python's `cryptography` makes: AES-128-CBC, then HMAC-SHA256 over all before it, in base64url.
 *
 *   0x80 | time, s, 8 bytes | iv, 16 bytes | ciphertext, padded to blocks of 16 | mac, 32 bytes
 *   key: 32 bytes, the first half for the mac, the second for the cipher
 *
 * The time is written for others and not judged here: settings do not expire.
 */
import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from "node:crypto";

const VERSION = 0x80;
const KEY_BYTES = 32;
const HEAD_BYTES = 1 + 8;
const IV_BYTES = 16;
const MAC_BYTES = 32;

/** The key that this text holds; undefined when it holds none. */
export function fernetKeyOf(text: string): Buffer | undefined {
  const key = Buffer.from(text.trim(), "base64url");
  return key.length === KEY_BYTES ? key : undefined;
}

/** @param from.iv 16 random bytes, never used twice with a key */
export function encrypt(text: string, key: Buffer, from: { readonly iv: Buffer; readonly atMs: number }): string {
  const head = Buffer.alloc(HEAD_BYTES);
  head[0] = VERSION;
  head.writeBigUInt64BE(BigInt(Math.floor(from.atMs / 1_000)), 1);
  const cipher = createCipheriv("aes-128-cbc", key.subarray(16), from.iv);
  const signed = Buffer.concat([head, from.iv, cipher.update(text, "utf8"), cipher.final()]);
  const token = Buffer.concat([signed, macOf(signed, key)]).toString("base64url");
  // Python reads base64 with its padding only.
  return token.padEnd(Math.ceil(token.length / 4) * 4, "=");
}

/** Undefined when the token is none, was changed, or was made with another key: these cannot be told apart. */
export function decrypt(token: string, key: Buffer): string | undefined {
  const bytes = Buffer.from(token.trim(), "base64url");
  if (bytes[0] !== VERSION || bytes.length < HEAD_BYTES + IV_BYTES + MAC_BYTES) return undefined;
  const signed = bytes.subarray(0, -MAC_BYTES);
  if (!timingSafeEqual(macOf(signed, key), bytes.subarray(-MAC_BYTES))) return undefined;
  const iv = signed.subarray(HEAD_BYTES, HEAD_BYTES + IV_BYTES);
  const decipher = createDecipheriv("aes-128-cbc", key.subarray(16), iv);
  try {
    return Buffer.concat([decipher.update(signed.subarray(HEAD_BYTES + IV_BYTES)), decipher.final()]).toString("utf8");
  } catch {
    return undefined; // its padding is wrong, although its maker had the key
  }
}

function macOf(signed: Buffer, key: Buffer): Buffer {
  return createHmac("sha256", key.subarray(0, 16)).update(signed).digest();
}
