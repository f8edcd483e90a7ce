/**
 * A simulated phone of the 3.2 line: handshake, chat lines as bytes, answers as bytes. It notices the end of its
 * connection, comes again after four seconds, and sends nothing twice.
 */

import type { Random } from "#common/kernel/random.ts";
import type { WireEnd } from "#gateway/connection/wire.ts";
import type { FakeClock } from "#test/fixtures/fake-clock.ts";
import type { SimGateway } from "./gateway.ts";

export interface Shown {
  readonly room: string;
  readonly text: string;
  readonly resent: boolean;
}

const AGAIN_MS = 4_000;

export class SimPhone {
  readonly bot: string;
  readonly shown: Shown[] = [];
  readonly #clock: FakeClock;
  readonly #random: Random;
  readonly #gateways: () => readonly SimGateway[];
  #end: WireEnd | null = null;
  #logId = 0;
  /** Bytes of one connection arrive in order. */
  #arrivesMs = 0;

  constructor(options: { bot: string; clock: FakeClock; random: Random; gateways: () => readonly SimGateway[] }) {
    this.bot = options.bot;
    this.#clock = options.clock;
    this.#random = options.random;
    this.#gateways = options.gateways;
  }

  connect(): void {
    const alive = this.#gateways().filter((gateway) => gateway.process.alive);
    const gateway = alive[Math.floor(this.#random.next() * alive.length)];
    if (gateway === undefined) return;
    const end = gateway.dial({
      bytes: (frame) => this.#read(frame),
      lost: () => {
        if (this.#end === end) this.#end = null;
        this.#clock.after(AGAIN_MS, () => this.connect());
      },
    });
    this.#end = end;
    this.#send({ botName: this.bot, version: "3.2.0", deviceID: `device-of-${this.bot}` });
  }

  /** Ends this connection from the phone's side; it comes again. */
  hangUp(): void {
    this.#end?.onEnded("closed_by_peer");
  }

  /** False when there is no connection: a real phone would queue it, and the history would be the poorer. */
  say(room: string, text: string): boolean {
    if (this.#end === null) return false;
    this.#send({
      event: "analyze",
      data: {
        room,
        text,
        sender: "s",
        channelId: room,
        logId: String(++this.#logId),
        userHash: "u",
        isGroupChat: true,
      },
    });
    return true;
  }

  #send(line: object): void {
    const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
    const end = this.#end;
    this.#arrivesMs = Math.max(this.#arrivesMs, this.#clock.monotonicMs() + this.#random.next() * 5);
    this.#clock.after(this.#arrivesMs - this.#clock.monotonicMs(), () => {
      if (this.#end === end) end?.onBytes(bytes);
    });
  }

  #read(frame: Uint8Array): void {
    const { event, data } = JSON.parse(Buffer.from(frame).toString());
    if (event !== "messageResponse") return;
    this.shown.push({ room: data.room, text: data.text, resent: data.resent === true });
  }
}
