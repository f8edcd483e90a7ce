/**
 * The trigger of an automatic reply: a regular expression that a line must begin with, whatever the case of its letters.
 * Operators write them, and whoever talks in a room feeds them, so that none may take longer than its text is long.
 * JavaScript's own expressions go back and try again: `(a|a)*b` on thirty letters stops a worker for minutes. What is
 * needed of one here is a yes or no, which takes no going back:
 *
 *   text of the trigger -> tree -> states; each letter of the line moves all states that are possible at once
 *
 * At most `triggerStatesMax` states for each of `triggerTextCharsMax` letters, whatever both say. Rejected: to look for
 * forms that are known to be slow (finds some, and refuses good ones), and RE2, a native package for a list of greetings.
 *
 * Known are letters, `.`, `[...]`, `\d \s \w \D \S \W`, `(...)`, `(?:...)`, `|`, `* + ? {m,n}` and `^ $`. As in the
 * original's language `\w` is a letter of any script. What else it would know (`\1`, `(?=...)`) is refused, not ignored.
 */
import { limits } from "#common/contract/limits.ts";
import { MoaError } from "#common/kernel/errors.ts";

export interface Trigger {
  /** Of a longer line its first `triggerTextCharsMax` characters are looked at; its end is then not seen. */
  matches(text: string): boolean;
}

type Node =
  | { readonly is: "letter"; readonly one: RegExp }
  | { readonly is: "begin" }
  | { readonly is: "end" }
  | { readonly is: "sequence"; readonly of: readonly Node[] }
  | { readonly is: "choice"; readonly of: readonly Node[] }
  | Repeat;

interface Repeat {
  readonly is: "repeat";
  readonly of: Node;
  readonly least: number;
  readonly most: number;
}

/** Where a state leads: over a letter, at an edge of the line only, or to several at no cost. `met` is the goal. */
type State =
  | { readonly is: "letter"; readonly one: RegExp; readonly next: number }
  | { readonly is: "begin" | "end"; readonly next: number }
  | { readonly is: "fork"; readonly next: number[] }
  | { readonly is: "met" };

/** @throws MoaError asked_wrongly, naming what is wrong and where */
export function compileTrigger(source: string): Trigger {
  const { states, start } = statesOf(new Reader(source).read());
  return { matches: (text) => matches(states, start, text) };
}

const EVERYTHING = /^[^\n]$/u;
const WORD = "\\p{L}\\p{M}\\p{N}_";
/** Of what stands behind a backslash; D, S and W are refused within brackets where they would mean another thing. */
const CLASSES: Readonly<Record<string, string>> = { d: "\\p{Nd}", s: "\\s", w: WORD };
const CONTROLS: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };

class Reader {
  readonly #letters: readonly string[];
  #at = 0;

  constructor(source: string) {
    this.#letters = [...source];
    if (source.length > limits.triggerCharsMax)
      throw this.#fault(`is longer than ${limits.triggerCharsMax} characters`);
    if (source === "") throw this.#fault("is empty");
  }

  read(): Node {
    const node = this.#choice();
    if (this.#at < this.#letters.length) throw this.#fault("has a ) without its (");
    return node;
  }

  #choice(): Node {
    const of = [this.#sequence()];
    while (this.#takes("|")) of.push(this.#sequence());
    return { is: "choice", of };
  }

  #sequence(): Node {
    const of: Node[] = [];
    for (let letter = this.#peek; letter !== undefined && letter !== "|" && letter !== ")"; letter = this.#peek) {
      of.push(this.#repeated(this.#atom()));
    }
    return { is: "sequence", of };
  }

  #atom(): Node {
    const letter = this.#take();
    if (letter === "^") return { is: "begin" };
    if (letter === "$") return { is: "end" };
    if (letter === ".") return { is: "letter", one: EVERYTHING };
    if (letter === "(") return this.#group();
    if (letter === "[") return oneOf(this.#brackets());
    if (letter === "\\") return oneOf(this.#escaped());
    if ("*+?".includes(letter)) throw this.#fault(`repeats nothing with ${letter}`);
    return oneOf(literally(letter));
  }

  #group(): Node {
    if (this.#takes("?") && !this.#takes(":")) throw this.#fault("knows no (? but (?:");
    const node = this.#choice();
    if (!this.#takes(")")) throw this.#fault("lacks a )");
    return node;
  }

  /** What stands between brackets, in JavaScript's words. */
  #brackets(): string {
    let text = this.#takes("^") ? "^" : "";
    for (let isFirst = true; isFirst || this.#peek !== "]"; isFirst = false) {
      const letter = this.#take();
      const isRange = letter === "-" && !isFirst && this.#peek !== "]";
      if (letter === "\\") text += this.#escaped(true);
      else text += isRange ? "-" : literally(letter);
    }
    this.#take();
    return text;
  }

  #escaped(isInBrackets = false): string {
    const letter = this.#take();
    const known = CLASSES[letter] ?? CLASSES[letter.toLowerCase()];
    if (CLASSES[letter] !== undefined) return CLASSES[letter];
    if (known !== undefined && !isInBrackets) return `^${known}`;
    if (CONTROLS[letter] !== undefined) return literally(CONTROLS[letter]);
    if (/[\p{L}\p{N}]/u.test(letter)) throw this.#fault(`knows no \\${letter} ${isInBrackets ? "in brackets" : ""}`);
    return literally(letter);
  }

  #repeated(of: Node): Node {
    const [least, most] = this.#times() ?? [1, 1];
    if (least === 1 && most === 1) return of;
    // Which of several ways a line fits makes no difference to whether it does.
    this.#takes("?");
    if (this.#times() !== null) throw this.#fault("repeats a repetition");
    return { is: "repeat", of, least, most };
  }

  #times(): readonly [least: number, most: number] | null {
    if (this.#takes("*")) return [0, Number.POSITIVE_INFINITY];
    if (this.#takes("+")) return [1, Number.POSITIVE_INFINITY];
    if (this.#takes("?")) return [0, 1];
    const counted = /^\{(\d{0,4})(,?)(\d{0,4})\}/.exec(this.#letters.slice(this.#at, this.#at + 11).join(""));
    const [all = "", least = "", comma = "", most = ""] = counted ?? [];
    if (least === "" && most === "") return null;
    this.#at += all.length;
    const end = most === "" ? Number.POSITIVE_INFINITY : Number(most);
    const times = [Number(least), comma === "" ? Number(least) : end] as const;
    if (times[0] > times[1]) throw this.#fault("repeats at least more often than at most");
    return times;
  }

  get #peek(): string | undefined {
    return this.#letters[this.#at];
  }

  #take(): string {
    const letter = this.#letters[this.#at++];
    if (letter === undefined) throw this.#fault("ends too early");
    return letter;
  }

  #takes(letter: string): boolean {
    if (this.#peek !== letter) return false;
    this.#at++;
    return true;
  }

  #fault(what: string): MoaError {
    return new MoaError("asked_wrongly", `the trigger ${what} (at character ${this.#at})`);
  }
}

/** Spelled by its number: no letter means anything else there. */
function literally(letter: string): string {
  return `\\u{${letter.codePointAt(0)?.toString(16)}}`;
}

function oneOf(inBrackets: string): Node {
  try {
    return { is: "letter", one: new RegExp(`^[${inBrackets}]$`, "iu") };
  } catch (cause) {
    throw new MoaError("asked_wrongly", "the trigger has a range in brackets that is none", { cause });
  }
}

/** From the end to the beginning, so that each knows where it leads. */
function statesOf(tree: Node): { readonly states: readonly State[]; readonly start: number } {
  const states: State[] = [{ is: "met" }];
  let steps = 0;
  const add = (state: State) => states.push(state) - 1;
  const lay = (node: Node, next: number): number => {
    // Steps, too: what is empty may be repeated without making a state.
    if (++steps > 4 * limits.triggerStatesMax || states.length > limits.triggerStatesMax) {
      throw new MoaError("asked_wrongly", "the trigger repeats too much");
    }
    if (node.is === "letter" || node.is === "begin" || node.is === "end") return add({ ...node, next });
    if (node.is === "sequence") return node.of.reduceRight((after, one) => lay(one, after), next);
    if (node.is === "choice") return add({ is: "fork", next: node.of.map((one) => lay(one, next)) });
    return layRepeated(node, next);
  };
  const layRepeated = ({ of, least, most }: Repeat, next: number): number => {
    let after = next;
    if (most === Number.POSITIVE_INFINITY) {
      const again: number[] = [next];
      after = add({ is: "fork", next: again });
      again.push(lay(of, after));
    } else for (let i = least; i < most; i++) after = add({ is: "fork", next: [next, lay(of, after)] });
    for (let i = 0; i < least; i++) after = lay(of, after);
    return after;
  };
  return { start: lay(tree, 0), states };
}

function matches(states: readonly State[], start: number, text: string): boolean {
  const letters = [...text.slice(0, limits.triggerTextCharsMax)];
  const end = text.length > limits.triggerTextCharsMax ? Number.POSITIVE_INFINITY : letters.length;
  /** The letter before which a state was last reached. */
  const reachedAt = new Int32Array(states.length).fill(-1);
  let from: readonly number[] = [start];
  for (let at = 0; at <= letters.length; at++) {
    const open = [...from];
    const next: number[] = [];
    for (let index = open.pop(); index !== undefined; index = open.pop()) {
      const state = states[index] as State;
      if (reachedAt[index] === at) continue;
      reachedAt[index] = at;
      if (state.is === "met") return true;
      if (state.is === "fork") open.push(...state.next);
      else if (state.is === "letter") {
        if (state.one.test(letters[at] ?? "")) next.push(state.next);
      } else if (at === (state.is === "begin" ? 0 : end)) open.push(state.next);
    }
    if (next.length === 0) return false;
    from = next;
  }
  return false;
}
