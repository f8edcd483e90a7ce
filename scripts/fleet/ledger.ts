/**
 * What became of every text on the phones: arrays by the text's number, because a run may have millions.
 * A text is said by phone `number % bots`, in that phone's room `floor(number / bots) % rooms`; both follow from it.
 */
export interface LedgerShape {
  /** Tells this run's texts from those of runs before: 8 hex digits. */
  readonly run: string;
  readonly texts: number;
  readonly bots: number;
  readonly rooms: number;
}

const PREFIX = "# echo ";
const ANSWER = "에코: ";

export class Ledger {
  readonly shape: LedgerShape;
  /** How often the line left its phone whole, up to 255. */
  readonly sent: Uint8Array;
  /** How often its answer was shown, up to 255. */
  readonly shown: Uint8Array;
  /** Which of its phone's connections it last left on. */
  readonly connection: Uint16Array;
  /** From the moment it was due to the first showing, ms; NaN until then. */
  readonly latency: Float32Array;
  doubled = 0;
  ambiguous = 0;
  reordered = 0;
  misdirected = 0;
  /** Shown, but sent more than once: which copy counted is not known here, so its order is not judged. */
  orderUnjudged = 0;
  readonly #order: Int32Array;
  readonly #lastOrder: Int32Array;
  readonly #newestShown: Int32Array;

  constructor(shape: LedgerShape) {
    this.shape = shape;
    this.sent = new Uint8Array(shape.texts);
    this.shown = new Uint8Array(shape.texts);
    this.connection = new Uint16Array(shape.texts);
    this.latency = new Float32Array(shape.texts).fill(Number.NaN);
    this.#order = new Int32Array(shape.texts);
    this.#lastOrder = new Int32Array(shape.bots * shape.rooms);
    this.#newestShown = new Int32Array(shape.bots * shape.rooms);
  }

  phoneOf(text: number): number {
    return text % this.shape.bots;
  }

  /** Of that phone: 0 .. rooms - 1. */
  roomOf(text: number): number {
    return Math.floor(text / this.shape.bots) % this.shape.rooms;
  }

  lineOf(text: number): string {
    return `${PREFIX}${this.shape.run}-${text}`;
  }

  /** What a chat line or an answer says, or null when it is not of this run. */
  read(message: string): { readonly text: number; readonly isAnswer: boolean } | null {
    const isAnswer = message.startsWith(ANSWER);
    if (!isAnswer && !message.startsWith(PREFIX)) return null;
    const [run, digits] = message.slice(isAnswer ? ANSWER.length : PREFIX.length).split("-");
    const text = Number(digits || Number.NaN);
    if (run !== this.shape.run || !(text >= 0 && text < this.shape.texts)) return null;
    return { text, isAnswer };
  }

  /** The line left its phone whole, as its `connection`-th one. */
  onSent(text: number, connection: number): void {
    const room = this.#roomIndex(text);
    this.sent[text] = Math.min((this.sent[text] as number) + 1, 255);
    this.connection[text] = connection;
    this.#lastOrder[room] = (this.#lastOrder[room] as number) + 1;
    this.#order[text] = this.#lastOrder[room] as number;
  }

  onShown(text: number, seen: { phone: number; room: number; resent: boolean; latencyMs: number }): void {
    if (this.phoneOf(text) !== seen.phone || this.roomOf(text) !== seen.room) this.misdirected++;
    const before = this.shown[text] as number;
    this.shown[text] = Math.min(before + 1, 255);
    if (before > 0) {
      if (seen.resent) this.ambiguous++;
      else this.doubled++;
      return;
    }
    this.latency[text] = seen.latencyMs;
    if (this.sent[text] !== 1) {
      this.orderUnjudged++;
      return;
    }
    const room = this.#roomIndex(text);
    const order = this.#order[text] as number;
    if (order < (this.#newestShown[room] as number)) this.reordered++;
    else this.#newestShown[room] = order;
  }

  #roomIndex(text: number): number {
    return this.phoneOf(text) * this.shape.rooms + this.roomOf(text);
  }
}

/** Of the values that are numbers; null when there are none. */
export function percentile(values: Float32Array, share: number): number | null {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort();
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  return value === undefined ? null : Math.round(value * 10) / 10;
}
