/**
 * The drain: the pod's bots and connections leave for other pods, in an order that costs nobody anything.
 *
 *   1. a bot that has a standby elsewhere ──> handed over: what is written is finished, the standby takes ──> its sockets
 *   2. the others, at their socket's turn  ──> what is written is finished, the tenure ends, the socket ends
 *   3. bots of 1 whose phones still show media ──> as they finish
 *
 * Phones without a standby go on being answered until their turn, and come back spread over the pace: they dial the next
 * pod at once, all of them together if they were let go together. Connections are read until they end: the echoes that
 * finish a reign come in by them, and lines that were on their way. So we end our side alone; the phone, which reads that,
 * ends its own, and what it wrote before is here by then.
 */
import type { BotName, MemberId } from "#common/contract/ids.ts";
import { limits } from "#common/contract/limits.ts";
import { type Clock, pause } from "#common/kernel/clock.ts";
import type { Log } from "#common/observe/logger.ts";
import type { Metrics } from "#common/observe/metrics.ts";
import type { Membership } from "#common/ports/membership.ts";
import type { WriterDirectory } from "#common/ports/writer-directory.ts";
import type { Identity } from "./platforms/platform.ts";

/** At most half of the drain's time goes by pacing, whatever the number of connections. */
const PACED_MS_MAX = limits.drainMsMax / 2;
const EVERY_MS = 100;
/** A phone ends its side as soon as it has read the end of ours. */
const FAREWELL_MS = 2_000;
/** Turns of connections: of bots handed over, of the others, of bots that are being handed over. */
const [FIRST, OTHERS, LAST] = [0, 1, 2];

interface Leaving {
  readonly id: string;
  readonly identity: Pick<Identity, "bot"> | null;
  farewell(): void;
  close(reason: "drain"): void;
}

export interface DrainOptions {
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly writers: Pick<WriterDirectory, "look">;
  readonly membership: Pick<Membership, "live">;
  connections(): Iterable<Leaving>;
  bots(): readonly BotName[];
  handOver(bot: BotName): Promise<void>;
}

export class Drain {
  readonly #options: DrainOptions;
  #running: Promise<void> | undefined;

  constructor(options: DrainOptions) {
    this.#options = options;
  }

  get hasBegun(): boolean {
    return this.#running !== undefined;
  }

  /** Ends within drainMsMax. Calling it again waits for the same. */
  run(): Promise<void> {
    this.#running ??= this.#run();
    return this.#running;
  }

  async #run(): Promise<void> {
    const { clock, metrics, log } = this.#options;
    const startedMs = clock.monotonicMs();
    const deadline = new AbortController();
    const all = this.#leave(deadline.signal).then(() => deadline.abort());
    await pause(clock, limits.drainMsMax - 2 * EVERY_MS, deadline.signal);
    const result = deadline.signal.aborted ? "complete" : "deadline";
    deadline.abort();
    if (result === "complete") await all;
    const seconds = (clock.monotonicMs() - startedMs) / 1_000;
    metrics.drainRemaining.set(0);
    metrics.drainSeconds.observe(seconds, { result });
    log.info({ tag: "SHUTDOWN", seconds, result }, "drained");
  }

  async #leave(deadline: AbortSignal): Promise<void> {
    const { clock, metrics, connections } = this.#options;
    const turns = await this.#handOverFirst(deadline);
    const turnOf = ({ identity }: Leaving) => turns.get(identity?.bot ?? "") ?? OTHERS;
    const all = [...connections()].toSorted((a, b) => turnOf(a) - turnOf(b));
    const perTurn = Math.ceil(
      Math.max(limits.drainPerSecondMax, (all.length * 1_000) / PACED_MS_MAX) / (1_000 / EVERY_MS),
    );
    // A pod with few connections has nobody to spread.
    for (let turn = all.splice(0, limits.drainPerSecondMax); turn.length > 0; turn = all.splice(0, perTurn)) {
      metrics.drainRemaining.set(all.length + turn.length);
      await eachOf(turn, (connection) => this.#end(connection));
      if (deadline.aborted) return;
      if (all.length > 0) await pause(clock, EVERY_MS, deadline);
    }
    // The last of them are heard out.
    for (let ms = 0; ms < FAREWELL_MS && isAny(connections()); ms += EVERY_MS) await pause(clock, EVERY_MS, deadline);
  }

  async #end(connection: Leaving): Promise<void> {
    const { clock, handOver } = this.#options;
    if (connection.identity !== null) await handOver(connection.identity.bot);
    connection.farewell();
    void pause(clock, FAREWELL_MS).then(() => connection.close("drain"));
  }

  /** Whose turn is not the others'. Nobody knows when Redis does not answer: then all leave with their sockets. */
  async #handOverFirst(deadline: AbortSignal): Promise<ReadonlyMap<BotName, number>> {
    const { clock, bots, handOver, connections, membership, writers, log } = this.#options;
    const own = new Set([...connections()].map(({ id }) => id));
    const turns = new Map<BotName, number>();
    try {
      const live = new Set<MemberId>(await membership.live("gateway"));
      await eachOf(bots(), async (bot) => {
        if (deadline.aborted) return;
        const { candidates } = await writers.look(bot);
        if (!candidates.some(({ connection, member }) => !own.has(connection) && live.has(member))) return;
        turns.set(bot, LAST);
        const given = handOver(bot).then(() => turns.set(bot, FIRST));
        await Promise.race([given, pause(clock, limits.handoverMsMax, deadline)]);
      });
    } catch (error) {
      log.warn({ tag: "SHUTDOWN", err: error }, "it is not known which bots have a standby");
    }
    return turns;
  }
}

/** A bounded number at once. */
async function eachOf<T>(items: readonly T[], run: (item: T) => Promise<void>): Promise<void> {
  const waiting = items.values();
  const worker = async () => {
    for (const item of waiting) await run(item);
  };
  await Promise.all(Array.from({ length: limits.drainBotsAtOnceMax }, worker));
}

function isAny(items: Iterable<unknown>): boolean {
  return items[Symbol.iterator]().next().done !== true;
}
