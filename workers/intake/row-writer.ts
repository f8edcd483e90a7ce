/**
 * Row writer: chat-log rows of its lanes from Redis to MySQL.
 *
 *   share   every laneCheckEveryMs: its lanes, by rendezvous over the live row writers
 *   copy    read beyond the positions -> one transaction: rows + positions -> trim what is written
 *
 * Needs no lease: two that copy the same lane, for a moment or because one was stopped and woke, meet at the positions
 * in MySQL, and the second writes nothing. MySQL away: rows wait in Redis, answers and commits go on. Of memory it holds
 * a batch for each copier.
 *
 * A Redis that lost what it acknowledged (ADR 0010) is given the same lines again, and with them rows that were copied
 * already, under new ids. So lines said before the last loss are looked up in MySQL first; lines said before this process
 * began as well, because it does not know what was lost before.
 */
import type { Lane, MemberId } from "#common/contract/ids.ts";
import { rightfulOwner } from "#common/contract/lanes.ts";
import { limits } from "#common/contract/limits.ts";
import { backoffMs } from "#common/kernel/backoff.ts";
import { type Clock, pause } from "#common/kernel/clock.ts";
import type { Part } from "#common/kernel/lifecycle.ts";
import type { Random } from "#common/kernel/random.ts";
import type { Log } from "#common/observe/logger.ts";
import type { Metrics } from "#common/observe/metrics.ts";
import type { Membership } from "#common/ports/membership.ts";
import type { RowEntry, RowLog } from "#common/ports/row-log.ts";
import type { ChatLogStore, RowBatch } from "#workers/domain/stores.ts";

export interface RowWriterOptions {
  readonly lanes: number;
  readonly rowLog: RowLog;
  readonly store: ChatLogStore;
  readonly membership: Pick<Membership, "live">;
  /** The pod's present incarnation, joined as `rows`. */
  member(): MemberId;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** Side by side, each with its part of the lanes: one alone waits most of its time for the turns of a busy event loop. */
const COPIERS = 2;

export class RowWriter implements Part {
  readonly name = "row writer";
  readonly stopMsMax = limits.drainMsMax;
  readonly #options: RowWriterOptions;
  readonly #stop = new AbortController();
  #share: readonly Lane[] = [];
  /** Lines said before it may be on record already. Epoch ms; the gateways' clocks may be off by the skew allowed. */
  #sureFromMs: number;
  /**
   * Of each copier: lane to the position after which to read. Taken out by each step and put back when MySQL is known to
   * agree.
   */
  readonly #cursors = Array.from({ length: COPIERS }, () => new Map<Lane, string>());
  #loops: readonly Promise<void>[] = [];

  constructor(options: RowWriterOptions) {
    this.#options = options;
    this.#sureFromMs = options.clock.nowMs() + limits.clockSkewMsMax;
  }

  /** Redis may have lost what it acknowledged. */
  lost(): void {
    this.#sureFromMs = this.#options.clock.nowMs() + limits.clockSkewMsMax;
  }

  async start(): Promise<void> {
    this.#loops = [
      this.#untilStopped("share of lanes", () => this.#check()),
      ...this.#cursors.map((_, copier) => this.#untilStopped("copy of chat-log rows", () => this.#copy(copier))),
    ];
  }

  /** Ends after the batch in hand: at most a blocking read and a transaction later. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#loops);
  }

  async #untilStopped(what: string, step: () => Promise<void>): Promise<void> {
    const { clock, log, random } = this.#options;
    for (let failures = 0; !this.#stop.signal.aborted; ) {
      try {
        await step();
        failures = 0;
      } catch (error) {
        log.warn({ tag: "DB", err: error }, `${what} failed, tried again`);
        await pause(clock, backoffMs(failures++, random), this.#stop.signal);
      }
    }
  }

  async #check(): Promise<void> {
    const { clock, lanes, member, membership, metrics, rowLog } = this.#options;
    const live = await membership.live("rows");
    const me = member();
    this.#share = Array.from({ length: lanes }, (_, lane) => lane).filter(
      (lane) => rightfulOwner(`rows:${lane}`, live) === me,
    );
    metrics.rowsBacklog.set(await rowLog.backlog(this.#share));
    await pause(clock, limits.laneCheckEveryMs, this.#stop.signal);
  }

  async #copy(copier: number): Promise<void> {
    const { clock, rowLog } = this.#options;
    const share = this.#share.filter((lane) => lane % COPIERS === copier);
    if (share.length === 0) return pause(clock, limits.laneCheckEveryMs, this.#stop.signal);
    let cursors = this.#cursors[copier] as Map<Lane, string>;
    this.#cursors[copier] = new Map();
    if (share.length !== cursors.size || share.some((lane) => !cursors.has(lane))) cursors = await this.#ask(share);
    const entries = await rowLog.read(cursors, limits.blockingReadMs);
    if (entries.length === 0 || (await this.#write(cursors, entries))) this.#cursors[copier] = cursors;
    // A transaction costs the server an fsync, however few its rows: what trickles in is gathered.
    const rows = entries.reduce((sum, entry) => sum + entry.rows.length, 0);
    if (rows < limits.rowsGatherMax) await pause(clock, limits.rowsGatherMs, this.#stop.signal);
  }

  async #ask(share: readonly Lane[]): Promise<Map<Lane, string>> {
    const { rowLog, store } = this.#options;
    const positions = new Map(await store.positions(share));
    // A writer that died between its transaction and its trim left these behind.
    await Promise.all([...positions].map(([lane, position]) => rowLog.trim(lane, position)));
    return positions;
  }

  /** False: another writer was faster, and the cursors are stale. */
  async #write(cursors: Map<Lane, string>, entries: readonly RowEntry[]): Promise<boolean> {
    const { clock, metrics, rowLog, store } = this.#options;
    const byLane = Map.groupBy(entries, ({ lane }) => lane);
    const batches = [...byLane].map(([lane, ofLane]) => batchOf(lane, cursors.get(lane) ?? "0-0", ofLane));
    const startMs = clock.monotonicMs();
    let result: "ok" | "moved" | "error" = "error";
    try {
      result = (await store.append(batches, this.#sureFromMs)) === "written" ? "ok" : "moved";
    } finally {
      metrics.rowsBatchSeconds.observe((clock.monotonicMs() - startMs) / 1_000, { result });
    }
    if (result === "moved") return false;
    for (const { lane, to } of batches) cursors.set(lane, to);
    await Promise.all(batches.map(({ lane, to }) => rowLog.trim(lane, to)));
    return true;
  }
}

function batchOf(lane: Lane, from: string, entries: readonly RowEntry[]): RowBatch {
  return { lane, from, to: entries.at(-1)?.id ?? from, rows: entries.flatMap((entry) => entry.rows) };
}
