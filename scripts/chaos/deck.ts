/** Which fault comes next: names are dealt from a shuffled deck, and a new one is shuffled when it is empty, so that each is dealt about as often. */
import type { Random } from "#common/kernel/random.ts";

export class Deck {
  readonly #names: readonly string[];
  readonly #random: Random;
  readonly #dealt = new Map<string, number>();
  #left: string[] = [];

  constructor(names: readonly string[], random: Random) {
    this.#names = names;
    this.#random = random;
  }

  /** The next that fits; undefined when none of what is left fits just now. */
  deal(fits: (name: string) => boolean = () => true): string | undefined {
    if (this.#left.length === 0) this.#left = this.#shuffled();
    const index = this.#left.findIndex(fits);
    if (index < 0) return undefined;
    const [name] = this.#left.splice(index, 1);
    this.#dealt.set(name as string, this.timesDealt(name as string) + 1);
    return name;
  }

  /** It was dealt in vain. */
  putBack(name: string): void {
    this.#left.push(name);
    this.#dealt.set(name, this.timesDealt(name) - 1);
  }

  /** There is nothing in it to deal, ever. */
  get isEmpty(): boolean {
    return this.#names.length === 0;
  }

  timesDealt(name: string): number {
    return this.#dealt.get(name) ?? 0;
  }

  /** Each at least so often. */
  isThrough(times: number): boolean {
    return this.#names.every((name) => this.timesDealt(name) >= times);
  }

  #shuffled(): string[] {
    const names = [...this.#names];
    for (let i = names.length - 1; i > 0; i--) {
      const j = Math.floor(this.#random.next() * (i + 1));
      [names[i], names[j]] = [names[j] as string, names[i] as string];
    }
    return names;
  }
}
