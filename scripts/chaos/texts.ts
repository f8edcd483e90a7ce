/**
 * Every text of a run is a number: which phone said it, in which of its rooms, what answers it. Every eighth is a booking,
 * a change in MySQL that must be made once; the others are echoed.
 */
export const TEXTS_PER_PHONE = 32_768;
export const ROOMS_PER_PHONE = 2;
const BOOKING_EVERY = 8;

export class Texts {
  readonly #run: string;

  /** @param run tells this run's texts from those of runs before: letters and digits */
  constructor(run: string) {
    this.#run = run;
  }

  phoneOf(text: number): number {
    return Math.floor(text / TEXTS_PER_PHONE);
  }

  roomOf(text: number): number {
    return this.phoneOf(text) * ROOMS_PER_PHONE + (text % ROOMS_PER_PHONE);
  }

  isBooking(text: number): boolean {
    return text % BOOKING_EVERY === BOOKING_EVERY - 1;
  }

  /** As said by the phone. */
  lineOf(text: number, tail = ""): string {
    return `${this.isBooking(text) ? "# book" : "# echo"} ${this.#run}-${text}${tail}`;
  }

  /** What a booking has in MySQL. */
  bookingOf(text: number): string {
    return `${this.#run}-${text}`;
  }

  /** What a line or an answer says; null when it is not of this run. */
  read(said: string): { readonly text: number; readonly isAnswer: boolean } | null {
    const found = /^(# echo |# book |에코: |booked )([a-z0-9]+)-(\d+)/.exec(said);
    if (found === null || found[2] !== this.#run) return null;
    return { text: Number(found[3]), isAnswer: !found[1]?.startsWith("#") };
  }
}
