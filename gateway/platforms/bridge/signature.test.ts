import { createHmac } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Claim, Proof } from "../platform.ts";
import { verify } from "./signature.ts";

/** The published test vector. */
const AT = 1_753_100_000_000;
const vector = {
  clientType: "MessengerBotR",
  botName: "LOA.i",
  deviceUUID: "ccbd8eee1012327e",
  deviceID: "ccbd8eee1012327e",
  macAddress: "02:00:00:00:00:00",
  ipAddress: "192.168.1.100",
  timestamp: AT,
  version: "3.3.3",
  signature: "264c7bc04bf077a62e82e39477558500a18871e23edadd41defa4400bea006f0",
};
const key = { key: "test-secret", salt: "test-salt" };
const identity = { bot: "LOA.i", device: "ccbd8eee1012327e", version: "", clientType: "", deviceInfo: "" };
const SIGNED = ["clientType", "botName", "deviceUUID", "macAddress", "ipAddress", "timestamp"] as const;

function judged(proof: Proof | null, claim: Partial<Claim> = {}) {
  return verify(proof, { identity, keys: [key], nowMs: AT, ...claim });
}

/** With another part changed and signed again, as only somebody with the key can. */
function resigned(more: Partial<Record<keyof typeof vector, unknown>>): Proof {
  const proof: Proof = { ...vector, ...more };
  const data = [...SIGNED.map((part) => proof[part] ?? ""), key.salt].join("|");
  return { ...proof, signature: createHmac("sha256", key.key).update(data).digest("hex") };
}

describe("a signature", () => {
  test("of the published vector is valid", () => {
    expect(judged(vector)).toEqual({ result: "valid", skewMs: 0 });
  });

  test.each(SIGNED)("does not hold when a bit of %s is another", (part) => {
    const value = String(vector[part]);
    for (let at = 0; at < value.length; at++) {
      for (let bit = 0; bit < 7; bit++) {
        const flipped =
          value.slice(0, at) + String.fromCharCode(value.charCodeAt(at) ^ (1 << bit)) + value.slice(at + 1);
        const { result } = judged({ ...vector, [part]: part === "timestamp" ? Number(flipped) : flipped });
        expect(result).not.toMatch(/^valid/);
      }
    }
  });

  test("does not hold when a bit of it is another, not even that of a letter's case", () => {
    const { signature } = vector;
    for (let at = 0; at < signature.length; at++) {
      for (let bit = 0; bit < 7; bit++) {
        const flipped = String.fromCharCode(signature.charCodeAt(at) ^ (1 << bit));
        const proof = { ...vector, signature: signature.slice(0, at) + flipped + signature.slice(at + 1) };
        expect(judged(proof).result).toBe("wrong");
      }
    }
  });

  test.each([
    [-300_001, "stale"],
    [-300_000, "valid"],
    [-299_000, "valid"],
    [299_000, "valid"],
    [300_000, "valid"],
    [300_001, "stale"],
  ])("made %i ms from now is %s, and tells how wrong the phone's clock is", (skewMs, result) => {
    expect(judged(vector, { nowMs: AT + skewMs })).toEqual({ result, skewMs });
  });

  test.each(["clientType", "botName", "deviceUUID", "timestamp", "signature"])("without %s is none", (part) => {
    const { [part as keyof typeof vector]: _, ...rest } = vector;
    expect(judged(rest)).toEqual({ result: "malformed", skewMs: null });
    expect(judged({ ...vector, [part]: null }).result).toBe("malformed");
    expect(judged({ ...vector, [part]: { toString: 1 } }).result).toBe("malformed");
  });

  test.each(["macAddress", "ipAddress"])("without %s counts it as empty", (part) => {
    const proof = resigned({ [part]: undefined });
    expect(judged(proof).result).toBe("valid");
    expect(judged({ ...proof, [part]: "" }).result).toBe("valid");
    expect(judged({ ...proof, [part]: null }).result).toBe("malformed");
  });

  test.each([`${AT}`, AT + 0.5, Number.NaN, 1e300, true])("with the time %s is none", (timestamp) => {
    expect(judged(resigned({ timestamp })).result).toBe("malformed");
  });

  test.each([
    ["", "wrong"],
    [vector.signature.toUpperCase(), "wrong"],
    [` ${vector.signature.slice(1)}`, "wrong"],
    [`${vector.signature}0`, "wrong"],
    [vector.signature.slice(2), "wrong"],
    [vector.signature.replace("2", "２"), "wrong"],
    [null, "malformed"],
    [0, "malformed"],
    [["a"], "malformed"],
  ])("given as %j is %s", (signature, result) => {
    expect(judged({ ...vector, signature })).toEqual({ result, skewMs: null });
  });

  test("that is not there is none", () => {
    expect(judged(null)).toEqual({ result: "unsigned", skewMs: null });
  });
});

describe("who signs", () => {
  test.each([
    ["another bot", { botName: "other" }],
    ["another device in the part that is not signed", { deviceID: "other" }],
    ["another device in the part that is", { deviceUUID: "other" }],
    ["no device", { deviceID: undefined, deviceUUID: "unknown" }],
  ])("with the right key for %s is foreign", (_, more) => {
    expect(judged(resigned(more))).toEqual({ result: "foreign", skewMs: null });
  });

  test.each([
    ["has no deviceID, as the first protocol", { deviceID: undefined }],
    ["could not read its id by the other call", { deviceUUID: "unknown" }],
  ])("and %s is known by the other part", (_, more) => {
    expect(judged(resigned(more)).result).toBe("valid");
  });

  test("changes from the first key to the second while both hold", () => {
    const next = { key: "next", salt: "next-salt" };
    expect(judged(vector, { keys: [key, next] }).result).toBe("valid");
    expect(judged(vector, { keys: [next, key] }).result).toBe("valid_second_key");
    expect(judged(vector, { keys: [next] }).result).toBe("wrong");
  });

  test("needs the salt as well as the key", () => {
    expect(judged(vector, { keys: [{ ...key, salt: "other" }] }).result).toBe("wrong");
    expect(judged(vector, { keys: [{ ...key, key: "other" }] }).result).toBe("wrong");
  });

  test("cannot be shifted into another part: whatever holds has the very parts that were signed", () => {
    const parts = fc.array(fc.constantFrom("a", "b", "|", "a|b", ""), { minLength: 5, maxLength: 5 });
    fc.assert(
      fc.property(parts, ([clientType, botName, deviceUUID, macAddress, ipAddress]) => {
        const shifted = { ...vector, clientType, botName, deviceUUID, deviceID: deviceUUID, macAddress, ipAddress };
        const who = { ...identity, bot: botName as string, device: deviceUUID as string };
        const same = SIGNED.every((part) => shifted[part] === vector[part]);
        expect(judged(shifted, { identity: who }).result === "valid").toBe(same);
      }),
    );
  });
});

test("no proof makes it throw, whatever is in it", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...Object.keys(vector)), fc.anything()), (proof) => {
      expect(judged(proof).result).not.toMatch(/^valid/);
      expect(judged({ ...vector, ...proof, version: 1 }).skewMs).not.toBeNaN();
    }),
  );
});
