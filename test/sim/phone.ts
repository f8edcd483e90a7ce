/**
 * A simulated phone of the 3.2 line: handshake, chat lines as bytes, answers as bytes. It reads one frame after another,
 * and none while it shows a picture or is stopped. It notices the end of its connection and comes again after four
 * seconds; that nothing comes through any more it notices late. It sends no line twice, but echoes whose sending failed
 * it sends again on its next connection.
 */

import type { Random } from "#common/kernel/random.ts";
import type { FakeClock } from "#test/fixtures/fake-clock.ts";
import { isPicture, seen } from "./dialogue.ts";
import type { SimGateway } from "./gateway.ts";
import type { Hole, Link } from "./link.ts";

export interface Shown {
  readonly room: string;
  readonly text: string;
  readonly resent: boolean;
  /** Of the action. */
  readonly id: string;
  /** Of the tenure that it was written under, and when, as its frame says. */
  readonly epoch: number;
  readonly writtenAt: number;
}

export interface SimPhoneOptions {
  readonly bot: string;
  readonly device: string;
  readonly clock: FakeClock;
  readonly random: Random;
  gateways(): readonly SimGateway[];
  onShown(shown: Shown): void;
}

/** Of a frame what this phone looks at. */
interface PhoneFrame {
  readonly event: string;
  readonly data: {
    readonly room: string;
    readonly text: string;
    readonly resent?: boolean;
    readonly action_id: string;
    readonly moa_epoch: number;
    readonly moa_written_at: number;
  };
}

const AGAIN_MS = 4_000;
/** How long a phone that showed one picture reads nothing, ms. */
const PICTURE_MS = { least: 4_000, most: 6_000 };
const STALE_MAX = 4;

export class SimPhone {
  readonly bot: string;
  readonly #options: SimPhoneOptions;
  #link: Link | null = null;
  #gateway: SimGateway | null = null;
  #frozenUntilMs = 0;
  #busyUntilMs = 0;
  #logId = 0;
  /** Of the connections before. */
  #stale: object[] = [];
  #echoed: object[] = [];

  constructor(options: SimPhoneOptions) {
    this.bot = options.bot;
    this.#options = options;
  }

  get name(): string {
    return `${this.bot}-${this.#options.device}`;
  }

  /** That it dialled last. */
  get gateway(): SimGateway | null {
    return this.#gateway;
  }

  get isFrozen(): boolean {
    return this.#frozenUntilMs > this.#options.clock.monotonicMs();
  }

  connect(): void {
    const { gateways, random } = this.#options;
    const listening = gateways().filter(({ isListening }) => isListening);
    const gateway = listening[Math.floor(random.next() * listening.length)];
    if (gateway === undefined) {
      this.#again();
      return;
    }
    const link: Link = gateway.dial(() => {
      if (this.#link === link) this.#read(link);
    });
    this.#link = link;
    this.#gateway = gateway;
    this.#send({ botName: this.bot, version: "3.2.0", deviceID: this.name, clientType: "MessengerBotR" });
    for (const echo of this.#stale.splice(0)) this.#sendLater(link, echo);
  }

  /** Ends this connection from the phone's side; it comes again. */
  hangUp(): void {
    this.#link?.hangUp();
    this.#ended();
  }

  /** It notices after a while, if it did not come to another connection before. */
  blackHole(hole: Hole): void {
    const link = this.#link;
    if (link === null) return;
    link.blackHole(hole);
    this.#options.clock.after(2_000 + this.#options.random.next() * 13_000, () => {
      if (this.#link === link) this.hangUp();
    });
  }

  freeze(ms: number): void {
    this.#frozenUntilMs = Math.max(this.#frozenUntilMs, this.#options.clock.monotonicMs() + ms);
    this.#options.clock.after(ms, () => this.#wake());
  }

  /** False when there is no connection: a real phone would queue it, and the history would be the poorer. */
  say(room: string, text: string): boolean {
    if (this.#link === null || this.isFrozen) return false;
    const logId = `${this.#options.device}${++this.#logId}`;
    const who = { sender: "s", userHash: "u", isGroupChat: true };
    this.#send({ event: "analyze", data: { room, text, channelId: room, logId, ...who } });
    return true;
  }

  #send(line: object): void {
    this.#link?.send(Buffer.from(`${JSON.stringify(line)}\n`));
  }

  #sendLater(link: Link, line: object): void {
    const { clock, random } = this.#options;
    clock.after(random.next() * 3_000, () => {
      if (this.#link === link) this.#send(line);
    });
  }

  #wake(): void {
    if (this.#link !== null) this.#read(this.#link);
  }

  #read(link: Link): void {
    const { clock } = this.#options;
    while (this.#link === link && link.isReadable && !this.isFrozen && this.#busyUntilMs <= clock.monotonicMs()) {
      const frame = link.read();
      if (frame === null) this.#ended();
      else this.#take(JSON.parse(Buffer.from(frame).toString()));
    }
  }

  #take({ event, data }: PhoneFrame): void {
    const { onShown, clock, random } = this.#options;
    if (event === "ping") {
      const echo = { event: "ping", data };
      this.#echoed = [...this.#echoed, echo].slice(-STALE_MAX);
      this.#send(echo);
    }
    if (event !== "messageResponse") return;
    const { room, text, resent, action_id: id, moa_epoch: epoch, moa_written_at: writtenAt } = data;
    onShown({ room, text: seen(text), resent: resent === true, id, epoch, writtenAt });
    if (!isPicture(text)) return;
    const busyMs = PICTURE_MS.least + random.next() * (PICTURE_MS.most - PICTURE_MS.least);
    this.#busyUntilMs = clock.monotonicMs() + busyMs;
    clock.after(busyMs, () => this.#wake());
  }

  #ended(): void {
    if (this.#link === null) return;
    this.#link = null;
    this.#stale = this.#options.random.next() < 0.5 ? this.#echoed : [];
    this.#echoed = [];
    this.#again();
  }

  #again(): void {
    this.#options.clock.after(AGAIN_MS, () => {
      if (this.#link === null) this.connect();
    });
  }
}
