/**
 * Whether somebody who knows the bot's key made a frame's `auth`, for this connection, lately.
 *
 *   no auth ──> unsigned    a part missing or of another type ──> malformed    another bot or device ──> foreign
 *   no key fits ──> wrong   a key fits, beyond the window ──> stale            else ──> valid, valid_second_key
 *
 * It covers who speaks and when, not what is said: whoever reads a frame on its way can put the same `auth` into frames
 * of its own for the length of the window (SECURITY.md). Two frames of one millisecond share their signature, so it is no
 * key to tell repeats by either.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { limits } from "#common/contract/limits.ts";
import type { SignatureResult } from "#common/observe/signature-results.ts";
import type { Claim, Identity, Proof, SigningKey, Verdict } from "../platform.ts";

/** The parts in the order in which they are signed, the bot's salt behind them. The last two may be absent. */
interface Signed {
  readonly clientType: string;
  readonly botName: string;
  readonly deviceUUID: string;
  readonly timestamp: number;
  readonly macAddress?: string;
  readonly ipAddress?: string;
  readonly signature: string;
}

const SIGNATURE_CHARS = 64;

export function verify(proof: Proof | null, { identity, keys, nowMs }: Claim): Verdict {
  if (proof === null) return verdict("unsigned");
  if (!isSigned(proof)) return verdict("malformed");
  if (!names(proof, identity)) return verdict("foreign");
  const fitting = keys.findIndex((key) => fits(proof, key));
  if (fitting === -1) return verdict("wrong");
  const skewMs = nowMs - proof.timestamp;
  if (Math.abs(skewMs) > limits.signatureWindowMs) return { result: "stale", skewMs };
  return { result: fitting === 0 ? "valid" : "valid_second_key", skewMs };
}

function verdict(result: SignatureResult): Verdict {
  return { result, skewMs: null };
}

function isSigned(proof: Proof): proof is Proof & Signed {
  const { clientType, botName, deviceUUID, timestamp, macAddress, ipAddress, signature } = proof;
  return (
    isText(clientType) &&
    isText(botName) &&
    isText(deviceUUID) &&
    Number.isSafeInteger(timestamp) &&
    (macAddress === undefined || isText(macAddress)) &&
    (ipAddress === undefined || isText(ipAddress)) &&
    isText(signature)
  );
}

function isText(value: unknown): boolean {
  return typeof value === "string" && value.length <= limits.fieldCharsMax;
}

/**
 * `deviceID` is not signed: alone it would let a frame overheard from one phone vouch for any other of its bot. So the
 * signed `deviceUUID`, which is the same id read by another call, must name the device too, unless that call failed.
 */
function names(proof: Proof & Signed, { bot, device }: Identity): boolean {
  const { botName, deviceUUID, deviceID = deviceUUID } = proof;
  return botName === bot && deviceID === device && (deviceUUID === device || deviceUUID === "unknown");
}

/** Compared as bytes: one digest has exactly one spelling. */
function fits(proof: Signed, { key, salt }: SigningKey): boolean {
  const { clientType, botName, deviceUUID, macAddress = "", ipAddress = "", timestamp, signature } = proof;
  const signed = `${clientType}|${botName}|${deviceUUID}|${macAddress}|${ipAddress}|${timestamp}|${salt}`;
  const given = Buffer.from(signature);
  return (
    given.length === SIGNATURE_CHARS &&
    timingSafeEqual(given, Buffer.from(createHmac("sha256", key).update(signed).digest("hex")))
  );
}
