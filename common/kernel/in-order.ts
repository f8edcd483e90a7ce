/**
 * Lets things through in order per key, without a promise each: a place is held now and filled at any later time; what
 * fills it passes when all places held before it, of the same key, have been filled.
 *
 *   key:  | filled | held | filled | filled |      the first passes, the others wait for the held one
 *
 * A key without places holds no memory. Nothing that passes may throw. A place that is never filled stops its key for
 * good: who holds one fills it in success and in failure.
 */
interface Place {
  pass: (() => void) | null;
}

export class InOrder {
  readonly #lines = new Map<string, Place[]>();

  /** At once, unless a place of the key is held. */
  pass(key: string, pass: () => void): void {
    const line = this.#lines.get(key);
    if (line === undefined) pass();
    else line.push({ pass });
  }

  /** Holds the next place of the key. The answer fills it. */
  hold(key: string): (pass: () => void) => void {
    const line = this.#lines.get(key) ?? [];
    if (line.length === 0) this.#lines.set(key, line);
    const place: Place = { pass: null };
    line.push(place);
    return (pass) => {
      place.pass = pass;
      this.#letThrough(key, line);
    };
  }

  /** What passes may hold or pass again under its own key: it stands behind, in this same loop. */
  #letThrough(key: string, line: Place[]): void {
    for (let first = line[0]; first?.pass; first = line[0]) {
      line.shift();
      first.pass();
    }
    if (line.length === 0) this.#lines.delete(key);
  }
}
