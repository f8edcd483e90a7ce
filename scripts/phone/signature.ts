import { createHmac } from "node:crypto";

export interface Secret {
  readonly key: string;
  readonly salt: string;
}

export interface Signed {
  readonly clientType: string;
  readonly botName: string;
  readonly deviceUUID: string;
  readonly macAddress: string;
  readonly ipAddress: string;
  /** Epoch ms. */
  readonly timestamp: number;
}

/** Lower-case hex HMAC-SHA256, as every workable script makes it. It covers who speaks and when, not what is said. */
export function sign({ key, salt }: Secret, signed: Signed): string {
  const { clientType, botName, deviceUUID, macAddress, ipAddress, timestamp } = signed;
  const parts = [clientType, botName, deviceUUID, macAddress, ipAddress, timestamp, salt];
  return createHmac("sha256", key).update(parts.join("|")).digest("hex");
}
