/**
 * Delivery of one bot on this pod, while it has a connection here. What is to be done is decided by writers/tenure.ts;
 * this carries it out:
 *
 *   news (connections, channel, verdicts, looks) ──> state ──next──> one call to a store ──answer──> state ──> ...
 *                                                      └──> the seat (seat.ts) follows: its reign ends or stays
 *
 * One loop makes all calls, one after another, and looks after each again at what is wanted: a connection that comes or
 * goes meanwhile finds its turn, and no answer meets a state that it was not asked for.
 */
import { type Evidence, isPlanned } from "#common/contract/evidence.ts";
import type { BotName, ConnectionId, MemberId } from "#common/contract/ids.ts";
import { limits } from "#common/contract/limits.ts";
import { MoaError } from "#common/kernel/errors.ts";
import type { BotListener } from "#common/ports/bot-channel.ts";
import type { OutboxHead, OutboxPiece } from "#common/ports/outbox.ts";
import type { ReignEnd, Taken, Tenure, Told, WriterRequest } from "#common/ports/writer-directory.ts";
import type { WriterConnection } from "#gateway/connection/writer-connection.ts";
import { successionOf } from "#gateway/writers/failover.ts";
import { absent, type Call, type Here, next, type State, type Why } from "#gateway/writers/tenure.ts";
import { type Input, learn, outdatedBy } from "#gateway/writers/tenure-news.ts";
import type { DeliveryOptions, DeliveryOwner, Loss } from "./delivery-options.ts";
import type { ReadCause } from "./feed.ts";
import type { Reign } from "./reign.ts";
import { Seat, type SeatOwner } from "./seat.ts";
import { StepLoop, type StepOwner } from "./step-loop.ts";

type Step = Call | { readonly kind: "read" };
type Take = Extract<Call, { kind: "take" }>;

export class BotDelivery implements BotListener, StepOwner<Step>, SeatOwner {
  readonly #bot: BotName;
  readonly #options: DeliveryOptions;
  readonly #owner: DeliveryOwner;
  readonly #connections = new Map<ConnectionId, WriterConnection>();
  readonly #seat: Seat;
  readonly #loop: StepLoop<Step>;
  #state: State;
  #lossMs = Number.NEGATIVE_INFINITY;
  /** A verdict against a writer too young to be moved for it. */
  #postponed: { readonly connection: WriterConnection; readonly evidence: Evidence } | null = null;

  constructor(bot: BotName, options: DeliveryOptions, owner: DeliveryOwner) {
    this.#bot = bot;
    this.#options = options;
    this.#owner = owner;
    this.#state = absent(options.member());
    this.#seat = new Seat(bot, options, this);
    this.#loop = new StepLoop(this, options);
  }

  get state(): State {
    return this.#state;
  }

  get reign(): Reign | null {
    return this.#seat.reign;
  }

  /** Who writes is known, as far as this pod's present incarnation must know it. */
  get isSettled(): boolean {
    const { place, member, taking } = this.#state;
    if (taking !== null || (place.kind === "unknown" && this.reign !== null)) return false;
    return place.kind !== "ours" || place.tenure.member === member;
  }

  admitted(connection: WriterConnection): void {
    const { id, device, since } = connection;
    this.#connections.set(id, connection);
    this.#take({ kind: "admitted", connection: { id, device, since } });
  }

  /** It ended, or is no longer the bot's own. */
  gone(connection: WriterConnection, evidence: Evidence): void {
    if (!this.#connections.delete(connection.id)) return;
    const why = this.#why(connection, evidence);
    if (this.#seat.reign?.connection === connection) this.#seat.reign.connectionClosed();
    this.#take({ kind: "gone", connection: connection.id, why });
  }

  /** A verdict. A young writer that speaks and echoes nothing is given the rest of its time: devices may be at odds. */
  judged(connection: WriterConnection, evidence: Evidence): void {
    const nowMs = this.#options.clock.nowMs();
    const isYoung = this.#seat.reign?.connection === connection && nowMs - this.#seat.takenAt < limits.tenureMsMin;
    const speaks = evidence === "barrier_timeout" && nowMs - connection.provenAt < limits.barrierMsMax;
    this.#postponed = isYoung && speaks ? { connection, evidence } : null;
    if (this.#postponed !== null) return;
    this.#take({ kind: "judged", connection: connection.id, why: this.#why(connection, evidence) });
  }

  revived(connection: WriterConnection): void {
    this.#postponed = null;
    this.#take({ kind: "revived", connection: connection.id });
  }

  reborn(member: MemberId): void {
    this.#take({ kind: "reborn", member });
  }

  /** Redis may have lost what it acknowledged for the bot: nothing is written until it is taken again. */
  lost({ at, monotonicMs }: Loss): void {
    this.#lossMs = monotonicMs;
    this.#seat.lost(at);
    this.#take({ kind: "lost", waits: !this.#isOutlived });
  }

  get #isOutlived(): boolean {
    return this.#options.clock.monotonicMs() - this.#lossMs >= limits.lifeMs;
  }

  /** Twice a second. `ask`: who holds is asked again though nothing was told. */
  looked(isDead: (member: MemberId) => boolean, ask: boolean): void {
    const { place, loss } = this.#state;
    if (loss?.waits && this.#isOutlived) this.#take({ kind: "lost", waits: false });
    if (place.kind === "vacant" || place.kind === "elsewhere") this.#take({ kind: "looked", isDead, ask });
    else if (this.#seat.reign?.isSpoilt && this.#options.isAlive()) this.#take({ kind: "spoilt" });
    // What waited for the proof of life goes on.
    else this.#seat.reign?.move();
    if (this.#postponed !== null) this.judged(this.#postponed.connection, this.#postponed.evidence);
  }

  /** Gives the bot away, and ends. The loop's calls end by their own deadlines; its retries end now. */
  async stop(): Promise<void> {
    this.#take({ kind: "stop", why: this.#why(this.#seat.reign?.connection, "drain") });
    await this.#loop.stop();
  }

  onPiece(piece: OutboxPiece): void {
    if (this.#seat.piece(piece)) this.#loop.wake();
  }

  onTold(told: Told): void {
    if (told.kind === "asked") this.#asked(told.request);
    else if (told.kind !== "enrolled") this.#take({ kind: "told", told });
    else {
      for (const id of outdatedBy(this.#state, told)) this.#connections.get(id)?.destroy("superseded");
      const writer = this.#seat.reign?.connection;
      if (writer !== undefined && writer.device !== told.device) writer.probe();
    }
  }

  onRenewed(): void {
    this.#seat.doubt();
    this.#take({ kind: "renewed" });
  }

  readAgain(cause: ReadCause): void {
    this.#seat.readAgain(cause);
    this.#loop.wake();
  }

  isBehind(head: OutboxHead): boolean {
    return this.#seat.isBehind(head);
  }

  mayWrite(tenure: Tenure): boolean {
    const { member, isAlive } = this.#options;
    const { place } = this.#state;
    const isOurs = place.kind === "ours" && place.tenure.epoch === tenure.epoch && tenure.member === member();
    return isOurs && isAlive();
  }

  onRoom(): void {
    this.#loop.wake();
  }

  onFenced(): void {
    this.#take({ kind: "fenced" });
  }

  next(): Step | null {
    return next(this.#state) ?? (this.#seat.wantsRead ? { kind: "read" } : null);
  }

  async carryOut(step: Step): Promise<void> {
    const bot = this.#bot;
    const { channel, writers } = this.#options;
    switch (step.kind) {
      case "read":
        return this.#seat.read();
      case "subscribe":
        await channel.subscribe(bot, this);
        return this.#take({ kind: "subscribed" });
      case "unsubscribe":
        await channel.unsubscribe(bot);
        return this.#take({ kind: "unsubscribed" });
      case "enrol":
        return this.#enrol(step.connection);
      case "withdraw":
        await writers.withdraw(bot, step.connection);
        return this.#take({ kind: "withdrawn", connection: step.connection });
      case "finish":
        await this.#seat.reign?.leave({ silent: !isPlanned(step.why.reason) });
        return this.#take({ kind: "finished" });
      case "take":
        return this.#crown(step);
      case "end": {
        const was = await writers.end(bot, step.tenure, this.#endOf(step.why, Number.MAX_SAFE_INTEGER));
        return this.#take({ kind: "ended", tenure: step.tenure, was });
      }
    }
  }

  failed(step: Step, error: unknown, attempt: number): void {
    const expected = error instanceof MoaError && error.outcome === "retry";
    const level = expected ? "warn" : "error";
    if (attempt === 0 || !expected)
      this.#options.log[level]({ bot: this.#bot, step: step.kind, err: error }, "delivery waits");
  }

  idle(): void {
    if (this.#connections.size === 0 && !this.#state.subscribed) this.#owner.onAbsent();
  }

  /** The state moves by inputs alone, and the seat follows it. */
  #take(input: Input): void {
    const { place } = this.#state;
    this.#state = learn(this.#state, input);
    this.#follow(place.kind === "ours" && place.finished);
    this.#loop.wake();
  }

  /** A reign whose place is not known waits: its own next may go on with it. Of one given up the next may be heard first. */
  #follow(isGivenUp = false): void {
    const { reign } = this.#seat;
    const { place, member, loss } = this.#state;
    if (reign === null || (place.kind === "ours" && place.tenure.connection === reign.connection.id)) return;
    if (place.kind === "unknown" && this.#connections.has(reign.connection.id)) return;
    this.#postponed = null;
    this.#seat.end(place.kind === "elsewhere" && !isGivenUp ? "lease_lost" : "superseded");
    const { isAlive, metrics, onLost } = this.#options;
    const hasSlept = !isAlive() || reign.tenure.member !== member;
    // Unknown: not ours, and nobody is here to learn whose it is; unless Redis only forgot that it is ours.
    if (hasSlept && (place.kind === "elsewhere" || (place.kind === "unknown" && loss === null)))
      onLost(reign.connection);
    if (!hasSlept && !isGivenUp && place.kind === "elsewhere") metrics.fencingViolations.inc(1, { point: "tenure" });
  }

  #asked(request: WriterRequest): void {
    if (request.kind === "paused") this.reign?.setPaused(request.paused);
    else this.#take({ ...request, kind: "asked", why: this.#why(this.#seat.reign?.connection, "operator") });
  }

  async #enrol({ id, device, since }: Here): Promise<void> {
    const { member } = this.#state;
    const enrolment = await this.#options.writers.enrol({ bot: this.#bot, member, connection: id, device, since });
    this.#take({ kind: "enrolled", connection: id, enrolment });
    if (enrolment.outdated) this.#connections.get(id)?.destroy("superseded");
    if (enrolment.holder !== null) this.#owner.onHolder(enrolment.holder.member);
  }

  async #crown({ heir, over }: Take): Promise<void> {
    const { writers, clock, metrics } = this.#options;
    const { member, place, seen, loss } = this.#state;
    const end = over !== null && place.kind === "ours" ? { end: this.#endOf(place.why, 0) } : {};
    const begunAt = clock.nowMs();
    this.#state = learn(this.#state, { kind: "taking", heir, over });
    if (place.kind !== "ours") this.#seat.expect();
    const candidate = { bot: this.#bot, member, connection: heir.id, device: heir.device, since: heir.since };
    const answer = await writers.take(candidate, over && { ...over, ...end }, { epoch: seen, lost: loss !== null });
    if ("holder" in answer) {
      if (answer.holder.epoch < seen && loss === null) metrics.epochRegressions.inc(1); // A loss explains it.
      this.#take({ kind: "held", holder: answer.holder });
      this.#owner.onHolder(answer.holder.member);
    } else this.#crowned(answer, { heir, over, begunAt, seen });
  }

  #crowned(taken: Taken, asked: Omit<Take, "kind"> & { readonly begunAt: number; readonly seen: number }): void {
    const { clock, metrics, failovers } = this.#options;
    const { heir, over, begunAt, seen } = asked;
    if (taken.epoch <= seen) metrics.epochRegressions.inc(1);
    this.#state = learn(this.#state, { kind: "taken", tenure: taken });
    const connection = this.#connections.get(heir.id);
    if (connection !== undefined && this.#state.place.kind === "ours") {
      const candidates = this.#state.here.filter(({ why }) => why === null).length;
      const takenAt = clock.nowMs();
      const succession = successionOf({ bot: this.#bot, taken, heir, over, begunAt, takenAt, candidates });
      this.#seat.open(taken, connection, succession && failovers.begin(succession));
    }
    this.#follow();
  }

  #why(connection: WriterConnection | undefined, reason: Evidence): Why {
    const declaredAt = this.#options.clock.nowMs();
    const { reign } = this.#seat;
    const provenAt = reign?.connection === connection ? reign?.provenAt : connection?.provenAt;
    return { reason, provenAt: provenAt ?? declaredAt, declaredAt };
  }

  /** How our own reign ended, or what it left if it is only taken again. */
  #endOf(why: Why | null, lostBelow: number): ReignEnd {
    const { reign } = this.#seat;
    const given = why ?? this.#why(reign?.connection, "lease_lost");
    // A plan has no proof of life to go by: its clock begins as the reign stopped.
    const isHandedOver = reign !== null && isPlanned(given.reason);
    const how = isHandedOver ? { ...given, provenAt: reign.handedOverAt, declaredAt: reign.stoppedAt } : given;
    // After a loss its sequences are no longer those of the outbox: this pod knows what it wrote by their ids, others not.
    return { ...how, doubtBelow: this.#state.loss === null ? (reign?.doubtBelow ?? 0) : lostBelow };
  }
}
