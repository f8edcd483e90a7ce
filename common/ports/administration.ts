/**
 * What an operator sees and changes of who may talk. A change and its audit row are one transaction; whoever made it
 * announces it (ports/approvals.ts) after that, because an announcement of what was undone could not be taken back.
 *
 * Every call rejects with MoaError mysql_unavailable: a change may or may not have been made, and may be made again.
 */
import type { ApprovalStatus, DeviceKey, RoomKey } from "./approvals.ts";

/** `who` is what the operator's tool says: the token is shared. `from` is the address that the pod saw. */
export interface Actor {
  readonly who: string;
  readonly from: string;
}

export interface ListAsked {
  /** null: any. */
  readonly status: ApprovalStatus | null;
  readonly bot: string | null;
  readonly limit: number;
}

export interface KnownDevice extends DeviceKey {
  readonly status: ApprovalStatus;
  readonly address: string;
  readonly clientType: string;
  readonly clientVersion: string;
  /** Why it is not approved, in an operator's words. */
  readonly reason: string | null;
}

export interface KnownRoom extends RoomKey {
  readonly status: ApprovalStatus;
  readonly roomName: string;
  readonly reason: string | null;
}

export interface KnownBot {
  readonly bot: string;
  /** Devices by status; absent is none. */
  readonly devices: Readonly<Partial<Record<ApprovalStatus, number>>>;
  readonly rooms: Readonly<Partial<Record<ApprovalStatus, number>>>;
}

export interface Verdict {
  readonly status: ApprovalStatus;
  readonly reason: string | null;
}

export interface Changed<Key> {
  readonly key: Key;
  readonly before: ApprovalStatus;
  readonly after: ApprovalStatus;
}

export interface AuditEntry {
  /** What was done, as `device.approve` or `parked.drop`. */
  readonly action: string;
  /** What it was done to. Never chat text. */
  readonly subject: string;
  readonly before: string;
  readonly after: string;
}

export interface AuditRow extends AuditEntry, Actor {
  readonly id: number;
  /** Epoch ms. */
  readonly at: number;
}

/** Lists begin with what was registered last. Changes of what is not known are empty. */
export interface Administration {
  devices(asked: ListAsked): Promise<readonly KnownDevice[]>;
  device(key: DeviceKey): Promise<KnownDevice | null>;
  rooms(asked: ListAsked): Promise<readonly KnownRoom[]>;
  bots(limit: number): Promise<readonly KnownBot[]>;
  changeDevice(key: DeviceKey, to: Verdict, by: Actor): Promise<readonly Changed<DeviceKey>[]>;
  /** Without a device: the room as each device of the bot knows it. */
  changeRoom(
    key: Omit<RoomKey, "device"> & { readonly device: string | null },
    to: Verdict,
    by: Actor,
  ): Promise<readonly Changed<RoomKey>[]>;
}

export interface Audit {
  record(entry: AuditEntry, by: Actor): Promise<void>;
  /** Newest first. */
  recent(limit: number): Promise<readonly AuditRow[]>;
  /** The event's changes are in MySQL: to run it again would make them twice. Remembered for a week. */
  hasChangesOf(event: string): Promise<boolean>;
}
