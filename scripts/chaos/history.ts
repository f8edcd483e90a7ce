/**
 * What happened in a run, in one list: what phones said and were shown, which pod says that it took or lost a writer's
 * place, which faults were made and what proves that they bit. Everything that is judged is judged from here, from the
 * record in MySQL and from the lanes' balances. Times are epoch ms of the one machine that all of it runs on.
 */

import { once } from "node:events";
import { createWriteStream, type WriteStream } from "node:fs";

/** Of a phone: it has one number in the run; its connections count from 1. Texts are numbers too (texts.ts). */
export interface Sent {
  readonly kind: "sent";
  readonly at: number;
  readonly phone: number;
  readonly connection: number;
  readonly text: number;
}

export interface Shown {
  readonly kind: "shown";
  readonly at: number;
  readonly phone: number;
  readonly connection: number;
  readonly text: number;
  /** It said of itself that it may be a repeat. */
  readonly resent: boolean;
  /** Of the tenure it was written under, and when; null from a gateway that does not mark its writes. */
  readonly epoch: number | null;
  readonly writtenAt: number | null;
}

export interface Link {
  readonly kind: "connected" | "welcome" | "closed";
  readonly at: number;
  readonly phone: number;
  readonly connection: number;
}

/** From a pod's log. */
export interface TenureSaid {
  readonly kind: "taken" | "ended";
  readonly at: number;
  readonly pod: string;
  readonly bot: string;
  readonly epoch: number;
  readonly reason: string;
}

/** From a pod's log: T0 last proof of life, T1 declared, T2 promoted, T3 first frame, T4 first confirmation; NaN unknown. */
export interface FailoverSaid {
  readonly kind: "failover";
  readonly at: number;
  readonly pod: string;
  readonly bot: string;
  readonly reason: string;
  readonly times: readonly [t0: number, t1: number, t2: number, t3: number, t4: number];
  /** Something was written and not confirmed when it began. */
  readonly isBusy: boolean;
  /** Somebody was there to take over. */
  readonly stoodBy: boolean;
}

export interface FaultMade {
  readonly kind: "fault";
  readonly at: number;
  readonly endedAt: number;
  readonly scenario: string;
  /** Undefined when it struck the whole site. */
  readonly bot?: string;
  readonly facts: Readonly<Record<string, number>>;
  /** Its facts prove that it did what it should. */
  readonly bit: boolean;
  /** Bounds of the scenario that its facts did not keep, in words; a missing proof begins with "void". */
  readonly failed: readonly string[];
}

export type Happening = Sent | Shown | Link | TenureSaid | FailoverSaid | FaultMade;

type Of<K extends Happening["kind"]> = Extract<Happening, { kind: K }>;

export class History {
  readonly #all: Happening[] = [];
  readonly #file: WriteStream | undefined;
  readonly #heard = new Set<(happening: Happening) => void>();

  /** @param file of JSON lines, for the person who asks why */
  constructor(file?: string) {
    this.#file = file === undefined ? undefined : createWriteStream(file);
  }

  add(happening: Happening): void {
    this.#all.push(happening);
    this.#file?.write(`${JSON.stringify(happening)}\n`);
    for (const hear of this.#heard) hear(happening);
  }

  get length(): number {
    return this.#all.length;
  }

  /** Those after the first so many. */
  since(length: number): readonly Happening[] {
    return this.#all.slice(length);
  }

  of<K extends Happening["kind"]>(...kinds: readonly K[]): readonly Of<K>[] {
    const wanted: ReadonlySet<string> = new Set(kinds);
    return this.#all.filter((one): one is Of<K> => wanted.has(one.kind));
  }

  /** The first that fits from now on. Rejects when there is none in time. */
  next(what: string, msMax: number, fits: (happening: Happening) => boolean): Promise<Happening> {
    return new Promise((resolve, reject) => {
      const end = () => {
        clearTimeout(timer);
        this.#heard.delete(hear);
      };
      const hear = (happening: Happening) => {
        if (!fits(happening)) return;
        end();
        resolve(happening);
      };
      const timer = setTimeout(() => {
        end();
        reject(new Error(`${what}: not within ${msMax} ms`));
      }, msMax);
      this.#heard.add(hear);
    });
  }

  async close(): Promise<void> {
    if (this.#file === undefined) return;
    this.#file.end();
    await once(this.#file, "close");
  }
}
