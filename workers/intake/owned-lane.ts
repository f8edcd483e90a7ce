/**
 * One lane while this worker owns it, under one epoch.
 *
 *   accept(entry) ──> per room in order: attempt? -> handle -> lane commit ──> seen, position moves
 *
 *   careful   after an abrupt takeover, of the entries that a former owner may have had in hand: a try of each event is
 *             counted in Redis before it runs, and an event that was there at an earlier death, too, runs alone in the
 *             whole worker, so that one that kills workers is known and parked after `attemptsMax` (suspects.ts). The
 *             first run of an event is not counted: a write per event would buy nothing while no worker dies (ADR 0003).
 *   normal    rooms side by side, a room's next turn after the previous one decided, or, where that changes MySQL, after
 *             its lane commit (ADR 0002)
 *   dropped   a newer owner exists, or this pod let go: nothing begins any more, what is in hand finishes into the void
 */
import { decodeEvent } from "#common/contract/codec.ts";
import { isAfter } from "#common/contract/entry-id.ts";
import type { ChatEvent, InboundEvent, ReceiptEvent } from "#common/contract/envelope.ts";
import type { Lane } from "#common/contract/ids.ts";
import { limits } from "#common/contract/limits.ts";
import { hasCode } from "#common/kernel/errors.ts";
import { InOrder } from "#common/kernel/in-order.ts";
import { Sequencer } from "#common/kernel/sequencer.ts";
import type { EventOutcome, LaneEntry, LaneReader, Taken } from "#common/ports/lane-log.ts";
import { decide } from "#workers/pipeline/pipeline.ts";
import { handleReceipt } from "#workers/pipeline/receipt.ts";
import { rowsOf } from "#workers/pipeline/rows.ts";
import { commit } from "#workers/pipeline/steps/commit.ts";
import { seenAs } from "#workers/pipeline/steps/dedupe.ts";
import { endTurn, type TracedTurn, tellParked, tracedTurn } from "#workers/pipeline/turn-trace.ts";
import type { LaneContext, Tools, Work } from "#workers/pipeline/work.ts";
import type { CarefulTurns } from "./careful.ts";
import { LaneCommits, type Settled } from "./lane-commits.ts";
import { type Line, parked, roomOf, settledBy, unreadable } from "./line.ts";
import { Progress } from "./progress.ts";
import { type ReceivedEntry, received } from "./reception.ts";
import { SeenEvents } from "./seen-events.ts";
import { Suspects } from "./suspects.ts";

export interface OwnedLaneOptions {
  readonly lane: Lane;
  readonly taken: Taken;
  readonly reader: LaneReader;
  readonly tools: Tools;
  /** One for all lanes of the worker. */
  readonly careful: CarefulTurns;
  /** Told once, when a sink refused this epoch. */
  onFenced(lane: OwnedLane): void;
  /** Told whenever something in hand became done: there may be room to read again. */
  onProgress(): void;
}

/** A turn that has decided. `committed` is told when the lane commit has it, if somebody waits for that. */
interface Turn extends TracedTurn {
  readonly line: Line;
  committed?(): void;
}

const nobody = () => {};

export class OwnedLane {
  readonly lane: Lane;
  readonly epoch: number;
  readonly #options: OwnedLaneOptions;
  readonly #context: LaneContext;
  readonly #seen: SeenEvents;
  readonly #progress = new Progress();
  readonly #suspects: Suspects;
  /** Turns of a room, from start to decision; and from decision to lane commit. */
  readonly #rooms = new Sequencer();
  readonly #records = new InOrder();
  readonly #commits: LaneCommits;
  /** Entries up to this id are run carefully; null when there are none (any more). */
  #carefulUpTo: string | null;
  #queue: Promise<void> = Promise.resolve();
  #queued = 0;
  #cursor: string;
  #dropped = false;
  #releasing = false;
  /** Of `finish`. */
  readonly #waiters: (() => void)[] = [];

  constructor(options: OwnedLaneOptions) {
    const { lane, taken, reader, tools } = options;
    this.lane = lane;
    this.epoch = taken.epoch;
    this.#options = options;
    this.#seen = new SeenEvents(tools.clock, taken.seen);
    this.#context = { lane, epoch: taken.epoch, seen: this.#seen };
    this.#commits = new LaneCommits({ lane, epoch: taken.epoch, reader, tools, progress: this.#progress });
    this.#suspects = new Suspects({ lane, epoch: taken.epoch, reader, tools, isWanted: () => !this.#dropped });
    this.#carefulUpTo = taken.clean ? null : taken.lastId;
    this.#cursor = taken.position;
  }

  /** Events begun and not done. */
  get inHand(): number {
    return this.#progress.inHand;
  }

  /** Entry id after which to read, or null when nothing more may be taken in hand now. */
  get cursor(): string | null {
    return this.inHand >= limits.turnsPerLaneMax || this.#dropped || this.#releasing ? null : this.#cursor;
  }

  accept(entry: LaneEntry): void {
    if (this.#dropped || this.#releasing) return;
    this.#cursor = entry.id;
    this.#progress.begin(entry.id, entry.events.length);
    const careful = this.#carefulUpTo !== null && !isAfter(entry.id, this.#carefulUpTo);
    if (!careful) this.#carefulUpTo = null;
    const read = received(this.#options.tools, this.lane, entry);
    if (careful || this.#queued > 0) this.#enqueue(read, careful);
    else for (const text of entry.events) void this.#begin(read, text, false);
  }

  /** Stops taking entries and resolves when nothing is in hand, or when dropped. */
  async finish(): Promise<void> {
    this.#releasing = true;
    while (!this.#dropped && (this.inHand > 0 || !this.#commits.idle)) {
      this.#commits.hurry();
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
  }

  drop(): void {
    this.#dropped = true;
    this.#commits.close();
    this.#progressed();
  }

  /** Behind the careful ones everything waits, so that rooms stay in order. */
  #enqueue(read: ReceivedEntry, careful: boolean): void {
    this.#queued++;
    // Asked now, so that the entries of one reading share a round trip.
    const suspects = careful ? this.#suspects.among(read).catch((error) => this.#failed(error)) : undefined;
    this.#queue = this.#queue.then(async () => {
      const areSuspect = await suspects;
      for (const [i, text] of read.events.entries()) {
        if (areSuspect?.[i] === true) await this.#options.careful.add(() => this.#begin(read, text, true));
        else void this.#begin(read, text, false);
      }
      this.#queued--;
    });
  }

  /** Never rejects. Undefined when all that could be done was done at once. */
  #begin({ id, loggedAtMs, trace }: ReceivedEntry, text: string, careful: boolean): Promise<void> | undefined {
    if (this.#dropped) return undefined;
    let event: InboundEvent;
    try {
      event = decodeEvent(text, loggedAtMs);
    } catch (error) {
      this.#options.tools.log.error({ tag: "MSG", lane: this.lane, entry: id, err: error }, "event parked");
      return this.#commit(unreadable(id, text));
    }
    const line: Line = { entry: id, careful, received: trace, room: roomOf(event) };
    const turn = this.#rooms.add(line.room, () => this.#turn(line, event));
    return turn?.catch((error) => this.#failed(error));
  }

  #turn(line: Line, event: InboundEvent): Promise<void> | undefined {
    if (this.#dropped) return undefined;
    if (line.careful) return this.#carefulTurn(line, event);
    return event.kind === "receipt" ? this.#receipt(line, event) : this.#chat(line, event);
  }

  async #carefulTurn(line: Line, event: InboundEvent): Promise<void> {
    if (await this.#suspects.hadTooMany(seenAs(event))) await this.#commit(parked(line, event, "too_many_attempts"));
    else await (event.kind === "receipt" ? this.#receipt(line, event) : this.#chat(line, event));
  }

  /**
   * Undefined, or settled, when the room's next turn may start. After a turn that changes nothing in MySQL that is when
   * it has decided: the outbox and the lane take what follows in the same order, so waiting for their answers would only
   * keep a busy room from sharing their calls (ADR 0002).
   */
  #chat(line: Line, event: ChatEvent): Promise<void> | undefined {
    const { clock, metrics } = this.#options.tools;
    const startedAt = clock.nowMs();
    metrics.deliverySeconds.observe(Math.max(0, startedAt - event.receivedAt) / 1_000, { leg: "dispatch" });
    const fresh: Work = { event, from: this.#context, parsed: null, decision: null, outcome: null };
    const begun = tracedTurn(fresh, this.#options.tools, { at: startedAt, received: line.received });
    const { tools, span } = begun;
    const work = decide(begun.work, tools);
    if (work instanceof Promise) return work.then((later) => this.#carryOut({ line, work: later, tools, span }));
    return this.#carryOut({ line, work, tools, span });
  }

  #carryOut(turn: Turn): Promise<void> | undefined {
    const { line, work } = turn;
    // Known from here on, not from the commit on: a copy of it may be the room's next turn.
    if (work.outcome !== "duplicate") this.#seen.add(seenAs(work.event));
    const isAwaited = line.careful || (work.decision?.changes.length ?? 0) > 0;
    if (!isAwaited) {
      this.#settle(turn);
      return undefined;
    }
    return new Promise((committed) => this.#settle({ ...turn, committed }));
  }

  /**
   * Commits the decision, then hands the turn to the lane commit in its room's order: a line that nobody answers has
   * nothing to wait for, and would stand in the chat log before the one it followed.
   */
  #settle(turn: Turn): void {
    const { line, work, tools, committed } = turn;
    const { event } = work;
    const record = (done: Work) => () => {
      this.#hand(this.#recorded(turn, done), committed);
      if (committed !== undefined) this.#commits.hurry();
    };
    const fail = (error: unknown) => () => {
      endTurn(turn, { error });
      if (hasCode(error, "fenced") || this.#dropped) {
        this.#failed(error);
        committed?.();
      } else this.#hand(this.#parked(line, event, error), committed);
    };
    let carried: Work | Promise<Work>;
    try {
      carried = work.outcome === null ? commit(work, tools) : work;
    } catch (error) {
      this.#records.pass(line.room, fail(error));
      return;
    }
    if (carried instanceof Promise) {
      const pass = this.#records.hold(line.room);
      carried.then(
        (done) => pass(record(done)),
        (error) => pass(fail(error)),
      );
    } else this.#records.pass(line.room, record(carried));
  }

  #recorded(turn: Turn, work: Work): Settled {
    const { line } = turn;
    const { event } = work;
    const endedAt = this.#options.tools.clock.nowMs();
    const outcome = work.outcome as EventOutcome;
    endTurn(turn, { outcome });
    const rows = rowsOf(work, endedAt);
    if (outcome === "parked") return { ...parked(line, { ...event, onRecord: true }, work.reason), rows };
    return { ...settledBy(line, event), outcome, rows };
  }

  async #receipt(line: Line, event: ReceiptEvent): Promise<void> {
    const isKnown = this.#seen.has(event.id);
    this.#seen.add(event.id);
    try {
      if (!isKnown) await handleReceipt(event, this.#options.tools);
    } catch (error) {
      return this.#commit(this.#parked(line, event, error));
    }
    await this.#commit({ ...settledBy(line, event), outcome: isKnown ? "duplicate" : "handled" });
  }

  #parked(line: Line, event: InboundEvent, error: unknown): Settled {
    return parked(line, event, tellParked(this.#options.tools.log, this.lane, { event, error }));
  }

  /** Never rejects: resolves when the lane has it, or was dropped. */
  #commit(settled: Settled): Promise<void> {
    return new Promise((committed) => this.#hand(settled, committed));
  }

  #hand(settled: Settled, committed: () => void = nobody): void {
    this.#commits.put(settled, {
      resolve: () => {
        this.#progressed();
        committed();
      },
      reject: (error) => {
        this.#failed(error);
        committed();
      },
    });
  }

  #progressed(): void {
    if (this.#waiters.length > 0) for (const resolve of this.#waiters.splice(0)) resolve();
    this.#options.onProgress();
  }

  #failed(error: unknown): undefined {
    if (this.#dropped) return undefined;
    if (!hasCode(error, "fenced")) {
      // Neither a sink's refusal nor a parked turn: the lane's state cannot be trusted any more. Letting it go is safe,
      // because a next owner begins at the committed position.
      this.#options.tools.log.error({ tag: "SERVER", lane: this.lane, err: error }, "lane dropped");
    }
    this.drop();
    this.#options.onFenced(this);
    return undefined;
  }
}
