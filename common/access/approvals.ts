/**
 * Who may talk, as one pod knows it (approval-cache.ts says how long), and the loop that hears of changes:
 *
 *   every 500 ms   what was announced since the last look ──> known at once, told to who holds the device's connection
 *                  nobody can say what was missed         ──> everything is asked for again
 *                  devices known for a minute             ──> asked again, because admin pages write to MySQL directly
 *
 * Rooms are asked for again when they talk; a device that is connected says nothing here, so that it is asked for.
 */
import { limits } from "../contract/limits.ts";
import { type Clock, pause } from "../kernel/clock.ts";
import type { Part } from "../kernel/lifecycle.ts";
import type { Random } from "../kernel/random.ts";
import type { Log } from "../observe/logger.ts";
import type { Metrics } from "../observe/metrics.ts";
import type {
  ApprovalChange,
  ApprovalChanges,
  ApprovalStore,
  DeviceAsked,
  DeviceKey,
  RoomAsked,
} from "../ports/approvals.ts";
import { ApprovalCache, type Known } from "./approval-cache.ts";

export interface ApprovalsOptions {
  readonly store: ApprovalStore;
  readonly changes: ApprovalChanges;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** Undefined: what was known has ended and nobody answers. */
export type DeviceListener = (device: DeviceKey, status: Known) => void;

/** A line's words for it. */
export interface TalkingRoom {
  readonly bot: string;
  readonly device: string;
  readonly channel: string;
  readonly room: string;
}

export class Approvals implements Part {
  readonly name = "approvals";
  readonly #options: ApprovalsOptions;
  readonly #devices: ApprovalCache<DeviceAsked>;
  readonly #rooms: ApprovalCache<RoomAsked>;
  readonly #listeners: DeviceListener[] = [];
  readonly #stop = new AbortController();
  #loop: Promise<void> = Promise.resolve();
  #version = "";
  #isDeaf = false;

  constructor(options: ApprovalsOptions) {
    const { clock, random, store } = options;
    this.#options = options;
    this.#devices = new ApprovalCache<DeviceAsked>({
      clock,
      random,
      entriesMax: limits.approvalDevicesMax,
      ask: (asked) => store.devices(asked),
      aboutOf: ({ address, clientType, clientVersion }) => `${address}\0${clientType}\0${clientVersion}`,
      onLearned: (device, status, isChanged) => {
        options.metrics.approvalsAsked.inc(1, { kind: "device", status: status ?? "unknown" });
        if (isChanged) this.#tell(device, status);
      },
      onFailed: (error) => this.#failed("device", error),
    });
    this.#rooms = new ApprovalCache<RoomAsked>({
      clock,
      random,
      entriesMax: limits.approvalRoomsMax,
      ask: (asked) => store.rooms(asked),
      aboutOf: ({ roomName }) => roomName,
      onLearned: (_, status) => options.metrics.approvalsAsked.inc(1, { kind: "room", status: status ?? "unknown" }),
      onFailed: (error) => this.#failed("room", error),
    });
  }

  /** Undefined: nobody knows, which is not approved. The promise never rejects. */
  device(asked: DeviceAsked): Known | Promise<Known> {
    return this.#devices.status(keyOf(asked), asked);
  }

  /** Likewise. Called for every line: one that is known makes nothing but its key. */
  room(talking: TalkingRoom): Known | Promise<Known> {
    const key = keyOf(talking);
    const known = this.#rooms.fresh(key, talking.room);
    if (known !== undefined) return known;
    const { bot, device, channel, room } = talking;
    return this.#rooms.status(key, { bot, device, channel, roomName: room });
  }

  /** Called with every change of a device heard or found here, also of one that is not connected to this pod. */
  onDevice(listener: DeviceListener): void {
    this.#listeners.push(listener);
  }

  async start(): Promise<void> {
    this.#loop = this.#listenForEver();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
    this.#devices.close();
    this.#rooms.close();
  }

  async #listenForEver(): Promise<void> {
    const { clock, log } = this.#options;
    while (!this.#stop.signal.aborted) {
      try {
        await this.#listen();
        this.#isDeaf = false;
      } catch (error) {
        if (!this.#isDeaf) log.warn({ tag: "SERVER", err: error }, "changes of approvals are not heard");
        this.#isDeaf = true;
      }
      this.#devices.refresh();
      await pause(clock, limits.approvalChangesEveryMs, this.#stop.signal);
    }
  }

  async #listen(): Promise<void> {
    const { version, changes } = await this.#options.changes.since(this.#version);
    this.#version = version;
    if (changes === "all") {
      this.#devices.doubt();
      this.#rooms.doubt();
    } else {
      for (const change of changes) this.#heard(change);
    }
  }

  #heard(change: ApprovalChange): void {
    if (change.kind === "room") {
      this.#rooms.heard(keyOf(change), change.status);
    } else if (change.kind === "device") {
      this.#devices.heard(keyOf(change), change.status);
      this.#tell(change, change.status);
    }
  }

  #tell({ bot, device }: DeviceKey, status: Known): void {
    for (const listener of this.#listeners) listener({ bot, device }, status);
  }

  #failed(kind: string, error: unknown): void {
    this.#options.log.warn(
      { tag: "DB", kind, err: error },
      "approvals are not asked: what is not known is not approved",
    );
  }
}

function keyOf({ bot, device, channel }: DeviceKey & { readonly channel?: string }): string {
  return channel === undefined ? `${bot}\0${device}` : `${bot}\0${device}\0${channel}`;
}
