/** The phones of a run: connected, speaking in open loop, and listened to. */
import { setTimeout as sleep } from "node:timers/promises";
import { MoaError } from "#common/kernel/errors.ts";
import type { DialectName } from "#scripts/phone/dialects.ts";
import { Phone, type Shown } from "#scripts/phone/phone.ts";
import type { Ledger } from "./ledger.ts";
import type { FleetOptions } from "./options.ts";

const CONNECT_AT_ONCE = 50;
const WELCOME_MS_MAX = 15_000;
const TICK_MS = 4;
/** After the last answer: the time in which a double would show itself. */
const DOUBLE_WATCH_MS = 1_000;
/** Rooms of the fleet have ids of 18 digits, as real ones: more than a double can count. */
const FIRST_CHANNEL = 180_000_000_000_000_000n;

export class Load {
  readonly #options: FleetOptions;
  readonly #ledger: Ledger;
  readonly #phones: Phone[];
  readonly #connections: number[];
  #startedMs = 0;
  #answered = 0;
  #sent = 0;
  #lastSignMs = 0;

  constructor(options: FleetOptions, ledger: Ledger) {
    this.#options = options;
    this.#ledger = ledger;
    this.#connections = Array(options.bots).fill(0);
    this.#phones = Array.from({ length: options.bots }, (_, index) => this.#phone(index));
  }

  /** Number of each phone's current connection, from 1. */
  get connections(): readonly number[] {
    return this.#connections;
  }

  /** @throws MoaError deadline_passed when a phone is not welcomed in time */
  async connect(): Promise<void> {
    for (let first = 0; first < this.#phones.length; first += CONNECT_AT_ONCE) {
      await Promise.all(this.#phones.slice(first, first + CONNECT_AT_ONCE).map(welcomed));
    }
  }

  /** Open loop: a text is said when it is due, whatever became of those before. */
  async speak(): Promise<void> {
    const { rate } = this.#options;
    const { texts } = this.#ledger.shape;
    this.#startedMs = performance.now();
    for (let next = 0; next < texts; ) {
      const due = Math.min(texts, Math.floor(((performance.now() - this.#startedMs) / 1_000) * rate) + 1);
      while (next < due) this.#say(next++);
      await sleep(TICK_MS);
    }
    this.#lastSignMs = performance.now();
  }

  /** Until all phones are back and every text that left one is answered, or nothing was heard for `settleMs`. */
  async settle(): Promise<void> {
    for (;;) {
      const quietMs = performance.now() - this.#lastSignMs;
      const complete = this.#answered >= this.#sent && this.#phones.every((phone) => phone.isOpen);
      if (quietMs > (complete ? DOUBLE_WATCH_MS : this.#options.settleMs)) return;
      await sleep(50);
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#phones.map((phone) => phone.close()));
  }

  #phone(index: number): Phone {
    const { ports, host, dialects } = this.#options;
    const servers = ports.map((_, i) => ({ host, port: ports[(index + i) % ports.length] as number }));
    const dialect = dialects[index % dialects.length] as DialectName;
    const phone = new Phone({ bot: botOf(index), device: `fleet-phone-${index}`, dialect, servers });
    phone.events.on("connected", () => {
      this.#connections[index] = (this.#connections[index] as number) + 1;
    });
    phone.events.on("sent", ({ text }) => this.#onSent(index, text));
    phone.events.on("shown", (shown) => this.#onShown(index, shown));
    return phone;
  }

  #say(text: number): void {
    const phone = this.#ledger.phoneOf(text);
    const room = this.#ledger.roomOf(text);
    const where = { room: roomName(room), channel: String(FIRST_CHANNEL + BigInt(phone * this.#options.rooms + room)) };
    this.#phones[phone]?.say({ ...where, sender: "함대", userHash: `fleet-${phone}`, text: this.#ledger.lineOf(text) });
  }

  #onSent(phone: number, line: string): void {
    const text = this.#ledger.read(line)?.text;
    if (text === undefined) return;
    if (this.#ledger.sent[text] === 0) this.#sent++;
    this.#ledger.onSent(text, this.#connections[phone] as number);
    this.#lastSignMs = performance.now();
  }

  #onShown(phone: number, shown: Shown): void {
    const text = shown.text === null ? undefined : this.#ledger.read(shown.text)?.text;
    if (text === undefined) return;
    const nowMs = performance.now();
    const latencyMs = nowMs - this.#startedMs - (text * 1_000) / this.#options.rate;
    if (this.#ledger.shown[text] === 0) this.#answered++;
    const room = Number(shown.room.slice(ROOM.length));
    this.#ledger.onShown(text, { phone, room, resent: shown.data.resent === true, latencyMs });
    this.#lastSignMs = nowMs;
  }
}

const ROOM = "함대방 ";

function roomName(room: number): string {
  return `${ROOM}${room}`;
}

function botOf(phone: number): string {
  return `fleet-${phone}`;
}

function welcomed(phone: Phone): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const late = () => reject(new MoaError("deadline_passed", `a phone was not welcomed within ${WELCOME_MS_MAX} ms`));
  const timer = setTimeout(late, WELCOME_MS_MAX);
  phone.events.once("welcome", ({ approved }) => {
    clearTimeout(timer);
    if (approved === true) resolve();
    else
      reject(new MoaError("server_unfit", "the gateway does not approve the fleet's phones: they would get no answer"));
  });
  phone.connect();
  return promise;
}
