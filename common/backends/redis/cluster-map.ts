/**
 * Which node of a Cluster has which slot, as its nodes last said.
 *
 *   unknown ──open──> asking ──answer──> known ──suspect──> asking ...
 *
 * It is asked again when anything makes the answer doubtful: a MOVED, a connection to a node that is lost or cannot be
 * made. Three nodes are asked at once and the first answer counts: one that is stopped holds up nobody. An answer may be
 * old; then the calls that it misleads fail, and it is asked again.
 */
import { Command, type Redis } from "ioredis";
import { limits } from "#common/contract/limits.ts";
import { backoffMs } from "#common/kernel/backoff.ts";
import { pause } from "#common/kernel/clock.ts";
import { within } from "#common/kernel/lifecycle.ts";
import type { ConnectionTools } from "./connection.ts";
import { unavailable } from "./faults.ts";
import { type ClusterPlace, dialNode } from "./place.ts";

interface Range {
  readonly from: number;
  readonly to: number;
  readonly master: string;
}

type SlotsReply = readonly (readonly [from: number, to: number, ...nodes: readonly (readonly [string, number])[]])[];

const ASKED_AT_ONCE = 3;
const BETWEEN_MS = 100;

export class ClusterMap {
  readonly #tools: ConnectionTools;
  readonly #place: ClusterPlace;
  readonly #listeners: (() => void)[] = [];
  readonly #stop = new AbortController();
  /** Slots that a node said are elsewhere, newer than the ranges. */
  readonly #moved = new Map<number, string>();
  #ranges: readonly Range[] = [];
  #nodes: readonly string[];
  #turn = 0;
  #isDoubtful = false;
  #asking: Promise<void> | undefined;

  constructor(tools: ConnectionTools, place: ClusterPlace) {
    this.#tools = tools;
    this.#place = place;
    this.#nodes = place.cluster;
  }

  get isKnown(): boolean {
    return this.#ranges.length > 0;
  }

  get masters(): readonly string[] {
    return [...new Set([...this.#ranges.map(({ master }) => master), ...this.#moved.values()])];
  }

  /** Undefined: nobody has it, or nothing is known yet. */
  masterOf(slot: number): string | undefined {
    return this.#moved.get(slot) ?? this.#ranges.find(({ from, to }) => from <= slot && slot <= to)?.master;
  }

  /** @throws MoaError redis_unavailable */
  async open(): Promise<void> {
    if (this.isKnown) return;
    this.suspect();
    try {
      await within(this.#tools.clock, limits.redisCallMsMax, "asking the Cluster", this.#asking as Promise<void>);
    } catch (error) {
      throw unavailable("slots", error as Error);
    }
  }

  /** Called whenever a slot may be elsewhere. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** A node refused with these words. */
  refused(words: string): void {
    const [, slot, address = ""] = /^MOVED (\d+) (\S*:\d+)/.exec(words) ?? [];
    // An empty host: the same as that of the node which said it, which only the next answer tells.
    if (slot !== undefined && !address.startsWith(":")) {
      this.#moved.set(Number(slot), address);
      this.#tell();
    }
    this.suspect();
  }

  suspect(): void {
    this.#isDoubtful = true;
    this.#asking ??= this.#askWhileDoubtful().finally(() => {
      this.#asking = undefined;
    });
  }

  close(): void {
    this.#stop.abort();
  }

  async #askWhileDoubtful(): Promise<void> {
    const { clock, log, random } = this.#tools;
    let failures = 0;
    while (this.#isDoubtful && !this.#stop.signal.aborted) {
      this.#isDoubtful = false;
      try {
        this.#learn(await Promise.any(this.#someNodes().map((node) => this.#ask(node))));
        failures = 0;
      } catch {
        this.#isDoubtful = true;
        log.debug({ tag: "REDIS" }, "no node of the Cluster says where the slots are");
        await pause(clock, backoffMs(failures++, random, 50, 1_000), this.#stop.signal);
      }
      // What is doubted meanwhile is asked with the next: a storm of MOVED asks once.
      if (this.#isDoubtful) await pause(clock, BETWEEN_MS, this.#stop.signal);
    }
  }

  #someNodes(): readonly string[] {
    const all = this.#nodes;
    const from = this.#turn;
    this.#turn += ASKED_AT_ONCE;
    return Array.from(
      { length: Math.min(ASKED_AT_ONCE, all.length) },
      (_, i) => all[(from + i) % all.length] as string,
    );
  }

  async #ask(address: string): Promise<SlotsReply> {
    const redis = dialNode(this.#place, address, {
      lazyConnect: true,
      retryStrategy: null,
      enableReadyCheck: false,
      maxRetriesPerRequest: 0,
      connectTimeout: limits.clusterAskMsMax,
      commandTimeout: limits.clusterAskMsMax,
      disconnectTimeout: 200,
      connectionName: "moa-slots",
    });
    redis.on("error", () => {});
    try {
      return await slotsOf(redis, address);
    } finally {
      redis.disconnect();
    }
  }

  #learn(reply: SlotsReply): void {
    this.#ranges = reply.map(([from, to, master]) => ({ from, to, master: addressOf(master) }));
    this.#moved.clear();
    const nodes = reply.flatMap(([, , ...all]) => all.map(addressOf));
    this.#nodes = [...new Set([...nodes, ...this.#place.cluster])];
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

async function slotsOf(redis: Redis, asked: string): Promise<SlotsReply> {
  await redis.connect();
  const reply = (await redis.call("cluster", "slots")) as SlotsReply;
  if (reply.length === 0) throw new Error(`${asked} knows of no slot`);
  const host = asked.slice(0, asked.lastIndexOf(":"));
  // A node that does not know its own address leaves it out: it is the one that was asked.
  return reply.map(([from, to, ...nodes]) => [from, to, ...nodes.map(([of, port]) => [of || host, port] as const)]);
}

function addressOf(node: readonly [host: string, port: number] | undefined): string {
  return `${node?.[0]}:${node?.[1]}`;
}

export function slotOf(key: string): number {
  return new Command("get", [key]).getSlot() as number;
}
