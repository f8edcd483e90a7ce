/** How the phone scripts in the field differ, by the name under which fleet, chat and tests ask for one. */
export interface PhoneDialect {
  /** What it announces; servers that believe it are wrong. */
  readonly version: string;
  readonly handshake: "three fields" | "six fields" | "event";
  readonly deviceField: "deviceID" | "deviceId";
  readonly chat: "analyze" | "message";
  /** Which downstream frames it can show. 3.3.0.a1 alone reads both. */
  readonly reads: "legacy" | "positions" | "both";
  readonly answersPingWith: "ping" | "pong";
  readonly readsMediaWait: boolean;
  /** Closes and dials again when the handshake's answer says success: false. */
  readonly obeysRefusal: boolean;
  /** The defect of the 3.3.x line: the handshake goes to the end of the phone's own offline queue. */
  readonly queuesHandshake: boolean;
  readonly clock: "korean wall clock" | "ISO seconds" | "ISO milliseconds";
}

const legacy31: PhoneDialect = {
  version: "3.1.4",
  handshake: "three fields",
  deviceField: "deviceID",
  chat: "analyze",
  reads: "legacy",
  answersPingWith: "ping",
  readsMediaWait: false,
  obeysRefusal: false,
  queuesHandshake: false,
  clock: "korean wall clock",
};
const legacy32: PhoneDialect = {
  ...legacy31,
  version: "3.2.1",
  handshake: "six fields",
  readsMediaWait: true,
  obeysRefusal: true,
};
const a1: PhoneDialect = { ...legacy32, version: "3.3.0", chat: "message", reads: "both", clock: "ISO seconds" };
const a2: PhoneDialect = {
  ...a1,
  handshake: "event",
  reads: "positions",
  queuesHandshake: true,
  clock: "ISO milliseconds",
};
const v333: PhoneDialect = { ...a2, version: "3.3.3", answersPingWith: "pong" };
const v290c: PhoneDialect = { ...legacy31, version: "2.9.0c", deviceField: "deviceId" };

export const phoneDialects = { legacy31, legacy32, a1, a2, v333, v290c } as const;
export type DialectName = keyof typeof phoneDialects;
export const DIALECT_NAMES = Object.keys(phoneDialects) as readonly DialectName[];
