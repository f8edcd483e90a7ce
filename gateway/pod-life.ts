/** The gateway's life: its incarnation, whether it is proven, and since when its Redis answers. */
import { limits } from "#common/contract/limits.ts";
import type { Clock } from "#common/kernel/clock.ts";
import { Life } from "#common/kernel/life.ts";
import type { Part } from "#common/kernel/lifecycle.ts";
import type { Random } from "#common/kernel/random.ts";
import type { Log } from "#common/observe/logger.ts";
import type { Metrics } from "#common/observe/metrics.ts";
import type { Membership, Role } from "#common/ports/membership.ts";

export interface PodLifeOptions {
  readonly podName: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: Pick<Metrics, "lifeLost" | "lifeErrors" | "lifeLeftSeconds">;
  readonly log: Log;
  readonly membership: Membership;
  /** The incarnation before may have been declared dead. */
  onReborn(member: string): void;
}

export class PodLife implements Part {
  readonly name = "life";
  readonly stopMsMax = 1_000;
  readonly #clock: Clock;
  readonly #life: Life<Role>;
  #awayAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: PodLifeOptions) {
    const { podName, clock, random, metrics, log, membership, onReborn } = options;
    this.#clock = clock;
    this.#life = new Life({
      podName,
      role: "gateway",
      roll: membership,
      clock,
      random,
      lifeMs: limits.lifeMs,
      marginMs: limits.lifeMarginMs,
      renewEveryMs: limits.lifeRenewEveryMs,
      onReborn: (member) => {
        metrics.lifeLost.inc(1);
        log.warn({ member }, "life was lost; every tenure is taken again");
        onReborn(member);
      },
      onRenewed: (leftMs) => metrics.lifeLeftSeconds.observe(leftMs / 1_000),
      onError: (error) => {
        metrics.lifeErrors.inc(1);
        this.#awayAtMs = clock.monotonicMs();
        log.warn({ err: error }, "life was not renewed");
      },
    });
  }

  get member(): string {
    return this.#life.member;
  }

  get isValid(): boolean {
    return this.#life.valid;
  }

  /** False while the silence of connections may be the pod's own. */
  get mayJudge(): boolean {
    return this.#life.valid && this.#clock.monotonicMs() - this.#awayAtMs >= limits.pongMsMax;
  }

  renounce(): void {
    this.#life.renounce();
  }

  start(): Promise<void> {
    return this.#life.start();
  }

  stop(): Promise<void> {
    return this.#life.stop();
  }
}
