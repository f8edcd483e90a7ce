/**
 * Which devices and rooms may talk. MySQL is the truth; the changes only hasten what a pod that caches it would see by
 * itself within `approvalFreshMs`, and they may be lost: nothing is decided by them alone.
 */
export type ApprovalStatus = "pending" | "approved" | "denied" | "revoked" | "blocked";

export interface DeviceKey {
  readonly bot: string;
  readonly device: string;
}

export interface RoomKey {
  readonly bot: string;
  readonly device: string;
  readonly channel: string;
}

/** What an administrator wants to see of a device that knocks. */
export interface DeviceAsked extends DeviceKey {
  /** The connection's source address, without port. */
  readonly address: string;
  readonly clientType: string;
  readonly clientVersion: string;
}

export interface RoomAsked extends RoomKey {
  readonly roomName: string;
}

/** One status each, in the order asked. @throws MoaError mysql_unavailable: nobody knows, so nobody is approved */
export interface ApprovalStore {
  /** Unknown ones become pending, or approved where approval is automatic. */
  devices(asked: readonly DeviceAsked[]): Promise<readonly ApprovalStatus[]>;
  /** Likewise; a room name that changed is written. */
  rooms(asked: readonly RoomAsked[]): Promise<readonly ApprovalStatus[]>;
}

/** `auto-replies`: of some room the rules that workers go by (workers/auto-replies.ts). */
export type ApprovalChange =
  | ({ readonly kind: "device"; readonly status: ApprovalStatus } & DeviceKey)
  | ({ readonly kind: "room"; readonly status: ApprovalStatus } & RoomKey)
  | { readonly kind: "auto-replies" };

/** Rejects with MoaError redis_unavailable; both calls may be made again. */
export interface ApprovalChanges {
  announce(change: ApprovalChange): Promise<void>;
  /** What was announced after the version. "all": too much or too long ago to tell, so that everything must be forgotten. */
  since(version: string): Promise<{ readonly version: string; readonly changes: readonly ApprovalChange[] | "all" }>;
}
