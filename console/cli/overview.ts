/**
 * The deployment as `moa top` shows it: every pod, every lane, and what became of writers, added up over the pods that
 * answer. A pod that stands still holds a look up for as long as its answer may take (pods.ts), and is away then.
 */
import { hasCode } from "#common/kernel/errors.ts";
import type { LaneBalance } from "#common/ports/lane-log.ts";
import { awayOf, lookAt, type PodLook, type PodShown, shownOf } from "./pod-look.ts";
import type { Pods } from "./pods.ts";

export interface LaneShown extends Pick<LaneBalance, "lane" | "appended" | "oldestMs" | "parked"> {
  readonly owner: string | null;
  readonly inFlight: number;
}

/** Counted by the pods that answer, since their starts. */
export interface FailoversShown {
  readonly inProgress: number;
  /** By evidence, without those that are 0. */
  readonly byReason: Readonly<Record<string, number>>;
  readonly handovers: number;
  readonly flaps: number;
  readonly fencingViolations: number;
  readonly heldActions: number;
}

export interface Overview {
  /** Epoch ms. */
  readonly at: number;
  readonly pods: readonly PodShown[];
  /** null when no worker answers. */
  readonly lanes: readonly LaneShown[] | null;
  readonly failovers: FailoversShown;
}

interface Known {
  last: PodLook | undefined;
  before: PodLook | undefined;
  isAway: boolean;
}

export class Lookout {
  readonly #pods: Pods;
  readonly #nowMs: () => number;
  #known: ReadonlyMap<string, Known> = new Map();

  constructor(pods: Pods, nowMs: () => number) {
    this.#pods = pods;
    this.#nowMs = nowMs;
  }

  /** @throws MoaError not_authorised, and pod_unreachable when no name leads to a pod: nothing at all can be told */
  async look(): Promise<Overview> {
    // A name may stand for other pods than a moment ago.
    const strange = { last: undefined, before: undefined, isAway: true };
    const urls = await this.#pods.urls();
    this.#known = new Map(urls.map((url) => [url, this.#known.get(url) ?? { ...strange }]));
    await Promise.all([...this.#known].map(([url, known]) => this.#lookAt(url, known)));
    const entries = [...this.#known];
    const living = entries.flatMap(([, { last, isAway }]) => (isAway || last === undefined ? [] : [last]));
    const worker = entries.find(([, { last, isAway }]) => !isAway && last?.kind === "worker")?.[0];
    return {
      at: this.#nowMs(),
      pods: entries
        .map(([url, { last, before, isAway }]) =>
          isAway || last === undefined ? awayOf(url, last) : shownOf(last, before),
        )
        .toSorted((a, b) => a.kind.localeCompare(b.kind) || a.pod.localeCompare(b.pod, "en", { numeric: true })),
      lanes: worker === undefined ? null : await this.#lanes(worker),
      failovers: failoversOf(living),
    };
  }

  async #lookAt(url: string, known: Known): Promise<void> {
    try {
      const look = await lookAt(this.#pods, url, this.#nowMs);
      known.before = known.isAway ? undefined : known.last;
      known.last = look;
      known.isAway = false;
    } catch (error) {
      if (hasCode(error, "not_authorised")) throw error;
      known.isAway = true;
    }
  }

  /** Redis may be away, and the worker with it. */
  async #lanes(url: string): Promise<readonly LaneShown[] | null> {
    try {
      return (await this.#pods.at(url).one<{ lanes: readonly LaneShown[] }>({ method: "GET", path: "lanes" })).lanes;
    } catch {
      return null;
    }
  }
}

function failoversOf(looks: readonly PodLook[]): FailoversShown {
  const sum = (name: string) => looks.reduce((total, { page }) => total + page.sum(name), 0);
  const byReason: Record<string, number> = {};
  for (const { page } of looks) {
    for (const [reason, count] of Object.entries(page.by("moa_writer_failovers_total", "reason"))) {
      if (count > 0) byReason[reason] = (byReason[reason] ?? 0) + count;
    }
  }
  return {
    inProgress: sum("moa_writer_failovers_in_progress"),
    byReason,
    handovers: sum("moa_writer_handovers_total"),
    flaps: sum("moa_writer_flaps_total"),
    fencingViolations: sum("moa_fencing_violations_total"),
    heldActions: sum("moa_held_actions"),
  };
}
