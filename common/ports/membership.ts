/**
 * Which pods live. One key per pod incarnation that its owner renews; nobody else can. A pod whose key is gone must act
 * as if it had been declared dead, because it may have been.
 */
import type { MemberId } from "../contract/ids.ts";

export type Role = "gateway" | "worker" | "rows";

export interface Membership {
  /** Announces a fresh incarnation. */
  join(role: Role, member: MemberId): Promise<void>;
  /** False when the key was gone: take a new incarnation. @throws MoaError redis_unavailable: unknown, try again */
  renew(role: Role, member: MemberId): Promise<boolean>;
  live(role: Role): Promise<readonly MemberId[]>;
  leave(role: Role, member: MemberId): Promise<void>;
}
