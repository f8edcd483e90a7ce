/**
 * What this pod knows of who is approved, for one kind of thing; MySQL is the truth. By the age of what is known:
 *
 *   under 1 min    believed                         a line of a room that talks costs one look into a map
 *   under 2 min    believed, asked again meanwhile
 *   under 15 min   asked; believed if nobody answers
 *   older, or new  asked; undefined if nobody answers, which is not approved: it fails closed
 *
 * Calls share batches. After one that failed what is known counts at once, and one try a second, for which one asker
 * waits, finds out when MySQL is back: lanes must not stand still with it. An announced change counts at once as well and
 * is then asked for, because two announcements may overtake each other on their way.
 *
 * Memory is bounded: beyond `entriesMax` what was learned longest ago is forgotten, and costs a call when it comes again.
 */
import { limits } from "../contract/limits.ts";
import type { Clock } from "../kernel/clock.ts";
import { Gather } from "../kernel/gather.ts";
import { within } from "../kernel/lifecycle.ts";
import type { Random } from "../kernel/random.ts";
import type { ApprovalStatus } from "../ports/approvals.ts";

/** Undefined: nobody knows. */
export type Known = ApprovalStatus | undefined;

export interface ApprovalCacheOptions<Asked> {
  readonly clock: Clock;
  readonly random: Random;
  readonly entriesMax: number;
  /** One status each, in order. */
  ask(asked: readonly Asked[]): Promise<readonly ApprovalStatus[]>;
  /** What else MySQL keeps of it, as text: asked again, and so written, when it is not what it was. */
  aboutOf(asked: Asked): string;
  /** MySQL's answer, and whether it was known otherwise before; or the end of what was known. */
  onLearned(asked: Asked, status: Known, isChanged: boolean): void;
  /** Called once when calls begin to fail. */
  onFailed(error: unknown): void;
}

interface Entry<Asked> {
  readonly asked: Asked;
  readonly about: string;
  status: Known;
  learnedMs: number;
}

interface Load {
  /** The answer on its way may be older than an announced change. */
  isOutdated: boolean;
  done: Promise<Known>;
}

export class ApprovalCache<Asked> {
  readonly #options: ApprovalCacheOptions<Asked>;
  readonly #gather: Gather<Asked, ApprovalStatus>;
  /** What was learned longest ago stands first. */
  readonly #entries = new Map<string, Entry<Asked>>();
  /** At most what waits for an answer: lines in hand and connections, which are bounded elsewhere. */
  readonly #loads = new Map<string, Load>();
  #isFailing = false;
  #nextTryMs = 0;

  constructor(options: ApprovalCacheOptions<Asked>) {
    const { clock, random, ask } = options;
    this.#options = options;
    this.#gather = new Gather<Asked, ApprovalStatus>({
      itemsMax: limits.approvalsPerCallMax,
      bytesMax: Number.POSITIVE_INFINITY,
      clock,
      random,
      once: true,
      send: (asked) => within(clock, limits.approvalAskMsMax, "asking for approvals", ask(asked)),
    });
  }

  /** The common case: undefined when it takes more than a look. */
  fresh(key: string, about: string): Known {
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.about !== about) return undefined;
    return this.#ageMs(entry) < limits.approvalFreshMs ? entry.status : undefined;
  }

  /** At once where that is possible. The promise never rejects. */
  status(key: string, asked: Asked): Known | Promise<Known> {
    const entry = this.#entries.get(key);
    const ageMs = entry === undefined ? Number.POSITIVE_INFINITY : this.#ageMs(entry);
    const known = ageMs < limits.approvalUsableMs ? entry?.status : undefined;
    // A room that is told under two names by turns is written once a second, not with every line.
    if (ageMs < limits.approvalAgainMs) return known;
    if (this.#isFailing && !this.#mayTry()) return known;
    const loaded = this.#load(key, asked);
    if (ageMs < 2 * limits.approvalFreshMs && known !== undefined) return known;
    return loaded.then((status) => status ?? known);
  }

  /** A change was announced. */
  heard(key: string, status: ApprovalStatus): void {
    const load = this.#loads.get(key);
    if (load !== undefined) load.isOutdated = true;
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#put(key, { ...entry, status, learnedMs: this.#options.clock.monotonicMs() });
    if (load === undefined) void this.#load(key, entry.asked);
  }

  /** Changes were missed: nothing is believed any more without asking, unless nobody answers. */
  doubt(): void {
    const agedMs = this.#options.clock.monotonicMs() - 2 * limits.approvalFreshMs;
    for (const entry of this.#entries.values()) entry.learnedMs = Math.min(entry.learnedMs, agedMs);
    for (const load of this.#loads.values()) load.isOutdated = true;
  }

  /** Asks again for what is due though nobody asks for it here, and tells what has ended. */
  refresh(): void {
    if (!this.#isFailing) this.#loadDue(this.#entries.size);
    // Nothing due: the try is left to who waits for what is not known at all.
    else if (this.#isDue && this.#mayTry()) this.#loadDue(limits.approvalsPerCallMax);
    this.#endOutdated();
  }

  close(): void {
    this.#gather.close();
  }

  get #isDue(): boolean {
    const [oldest] = this.#entries.values();
    return oldest !== undefined && this.#ageMs(oldest) >= limits.approvalFreshMs;
  }

  #loadDue(most: number): void {
    let due = 0;
    for (const [key, entry] of this.#entries) {
      if (++due > most || this.#ageMs(entry) < limits.approvalFreshMs) return;
      void this.#load(key, entry.asked);
    }
  }

  #endOutdated(): void {
    for (const entry of this.#entries.values()) {
      if (this.#ageMs(entry) < limits.approvalUsableMs) return;
      if (entry.status === undefined) continue;
      entry.status = undefined;
      this.#options.onLearned(entry.asked, undefined, true);
    }
  }

  #ageMs(entry: Entry<Asked>): number {
    return this.#options.clock.monotonicMs() - entry.learnedMs;
  }

  #mayTry(): boolean {
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs < this.#nextTryMs) return false;
    this.#nextTryMs = nowMs + limits.approvalAgainMs;
    return true;
  }

  #load(key: string, asked: Asked): Promise<Known> {
    const under = this.#loads.get(key);
    if (under !== undefined) return under.done;
    const load: Load = { isOutdated: false, done: Promise.resolve(undefined) };
    this.#loads.set(key, load);
    load.done = this.#ask(key, asked, load);
    return load.done;
  }

  async #ask(key: string, asked: Asked, load: Load): Promise<Known> {
    try {
      for (;;) {
        load.isOutdated = false;
        const askedMs = this.#options.clock.monotonicMs();
        const status = await this.#gather.add(asked, 0);
        if (load.isOutdated) continue;
        this.#isFailing = false;
        this.#learn(key, { asked, about: this.#options.aboutOf(asked), status, learnedMs: askedMs });
        return status;
      }
    } catch (error) {
      if (!this.#isFailing) this.#options.onFailed(error);
      this.#isFailing = true;
      this.#nextTryMs = this.#options.clock.monotonicMs() + limits.approvalAgainMs;
      return undefined;
    } finally {
      this.#loads.delete(key);
    }
  }

  #learn(key: string, entry: Entry<Asked>): void {
    const before = this.#entries.get(key);
    this.#put(key, entry);
    if (this.#entries.size > this.#options.entriesMax) this.#entries.delete(this.#entries.keys().next().value ?? "");
    this.#options.onLearned(entry.asked, entry.status, before !== undefined && before.status !== entry.status);
  }

  #put(key: string, entry: Entry<Asked>): void {
    this.#entries.delete(key);
    this.#entries.set(key, entry);
  }
}
