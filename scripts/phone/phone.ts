/**
 * A simulated phone: what the bridge scripts do on a real one, their defects included.
 *
 *   idle ──connect──> dialing ──connected──> open ──closed──> waiting ──4, 8, 16, 32, 60 s──> dialing
 *     ^                  └──every server refused──────────────────^
 *     └──close── any
 *
 * It learns of a dead connection only by a failing write or the peer's FIN, waits for no answer, and reads nothing while
 * it shows media. What it says while it is not open goes to the offline queue. It re-sends exactly what real phones do:
 * queued frames, and those whose write failed; a write that failed during a flush is queued twice.
 */
import { randomBytes } from "node:crypto";
import { EventEmitter } from "node:events";
import { connect as dial, type Socket } from "node:net";
import { StringDecoder } from "node:string_decoder";
import { systemClock } from "#common/backends/system/clock.ts";
import type { Clock } from "#common/kernel/clock.ts";
import { type DialectName, type PhoneDialect, phoneDialects } from "./dialects.ts";
import { OfflineQueue, type Outgoing } from "./offline-queue.ts";
import { type Heard, hear, mediaMs } from "./reading.ts";
import type { Secret } from "./signature.ts";
import { chatLine, handshakeLine, type Line, pingAnswerLine, type Speaker, sanitised } from "./speech.ts";

export interface Server {
  readonly host: string;
  readonly port: number;
}

export type PhoneOptions = {
  readonly bot: string;
  readonly device: string;
  readonly dialect: DialectName;
  /** A dummy that no server knows when absent. */
  readonly secret?: Secret;
  readonly clock?: Clock;
  /** Divides the waits of reconnecting and of media, for tests. */
  readonly hurry?: number;
  /** In the order of their priority; the phone stays with the one that it reached. */
} & (Server | { readonly servers: readonly Server[] });

export type Saying = Pick<Line, "room" | "channel" | "sender" | "userHash" | "text"> & Partial<Line>;

export interface Shown {
  readonly room: string;
  readonly channel: string | null;
  /** null when it is media. */
  readonly text: string | null;
  readonly media: readonly string[] | null;
  /** The frame's `data`, as it came. */
  readonly data: Readonly<Record<string, unknown>>;
  /** Epoch ms. */
  readonly at: number;
}

export interface PhoneEvents {
  connected: [];
  welcome: [data: Readonly<Record<string, unknown>>];
  shown: [Shown];
  /** A chat line left the phone: the kernel took the whole of it. Told each time when it is sent again. */
  sent: [said: { readonly text: string; readonly logId: string }];
  closed: [];
}

const DIAL_MS_MAX = 5_000;
const BACKOFF_BASE_MS = 2_000;
const BACKOFF_MS_MAX = 60_000;

/** Decimal, 64 bits, unique over all phones of this process and, by its start, over processes. */
let nextLogId = 3_000_000_000_000_000_000n + BigInt(Date.now()) * 1_000_000n;

export class Phone {
  readonly events = new EventEmitter<PhoneEvents>();
  readonly #bot: string;
  readonly #device: string;
  readonly #dialect: PhoneDialect;
  readonly #secret: Secret;
  readonly #clock: Clock;
  readonly #hurry: number;
  readonly #servers: readonly Server[];
  readonly #queue = new OfflineQueue();
  /** Channel of each room by the name last seen, as the scripts' `currentRooms`. */
  readonly #rooms = new Map<string, string>();
  #serverIndex = 0;
  #attempts = 0;
  #wanted = false;
  #open = false;
  #socket: Socket | null = null;
  #cancelTimer: () => void = () => {};
  #cancelMedia: () => void = () => {};
  /** Lines read and not yet handled: the receive thread is showing media. */
  #unread: string[] = [];
  #showing = false;
  /** What the socket's end leads to: the receive thread finds it out after what it shows and the lines that it has read. */
  #onEnd: () => void = () => {};

  constructor(options: PhoneOptions) {
    this.#bot = options.bot;
    this.#device = options.device;
    this.#dialect = phoneDialects[options.dialect];
    this.#secret = options.secret ?? { key: randomBytes(16).toString("hex"), salt: "simulated" };
    this.#clock = options.clock ?? systemClock();
    this.#hurry = options.hurry ?? 1;
    this.#servers = "servers" in options ? options.servers : [{ host: options.host, port: options.port }];
  }

  /** True from the TCP connect on: the scripts wait for no answer. */
  get isOpen(): boolean {
    return this.#open;
  }

  connect(): void {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#dial(this.#servers.length);
  }

  /** What was queued stays queued for the next connect. Resolves when the socket is gone. */
  async close(): Promise<void> {
    this.#wanted = false;
    this.#cancelTimer();
    this.#cancelMedia();
    this.#showing = false;
    this.#onEnd();
    const socket = this.#socket;
    if (socket === null) return;
    const gone = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    if (this.#open) socket.destroySoon();
    else socket.destroy();
    await gone;
  }

  /** Returns the log id, or null when nothing is left to say after what the scripts strip. */
  say(saying: Saying): string | null {
    const text = sanitised(saying.text);
    if (text === "") return null;
    const logId = saying.logId ?? String(nextLogId++);
    this.#rooms.set(saying.room, saying.channel);
    const line = chatLine(this.#speaker(), { isGroupChat: true, isMention: false, ...saying, text, logId });
    this.#send({ line, queuedAt: this.#clock.nowMs(), said: { text, logId } });
    return logId;
  }

  #speaker(): Speaker {
    const ip = this.#socket?.localAddress ?? "unknown";
    const [dialect, bot, device, secret] = [this.#dialect, this.#bot, this.#device, this.#secret];
    return { dialect, bot, device, secret, ip, nowMs: this.#clock.nowMs() };
  }

  /** @param untried servers that this round may still try, the current one included */
  #dial(untried: number): void {
    const { host, port } = this.#servers[this.#serverIndex] as Server;
    const socket = dial({ host, port, noDelay: true });
    this.#socket = socket;
    this.#cancelTimer = this.#clock.after(DIAL_MS_MAX, () => socket.destroy());
    socket.on("error", () => {}); // "close" follows, and is what counts
    socket.once("connect", () => this.#onConnect(socket));
    socket.once("close", () => {
      this.#onEnd = () => this.#onClose(untried);
      if (!this.#showing) this.#onEnd();
    });
  }

  #onConnect(socket: Socket): void {
    this.#cancelTimer();
    this.#attempts = 0;
    const decoder = new StringDecoder("utf8");
    let rest = "";
    socket.on("data", (chunk) => {
      // Java's readLine: CR, LF and CRLF all end a line, however long.
      const lines = decoder.write(chunk).replaceAll("\r", "\n").split("\n");
      lines[0] = rest + lines[0];
      rest = lines.pop() as string;
      for (const line of lines) if (line !== "") this.#unread.push(line);
      this.#read();
    });
    const handshake: Outgoing = { line: handshakeLine(this.#speaker()), queuedAt: this.#clock.nowMs(), said: null };
    if (this.#dialect.queuesHandshake) this.#queue.push(handshake);
    else socket.write(`${handshake.line}\n`);
    this.#open = true;
    for (const entry of this.#queue.takeForFlush(this.#clock.nowMs())) this.#write(entry, 2);
    this.events.emit("connected");
  }

  #onClose(untried: number): void {
    this.#onEnd = () => {};
    this.#cancelTimer();
    this.#socket = null;
    this.#unread = [];
    this.#showing = false;
    const wasOpen = this.#open;
    this.#open = false;
    if (wasOpen) this.events.emit("closed");
    if (!this.#wanted) return;
    if (!wasOpen) this.#serverIndex = (this.#serverIndex + 1) % this.#servers.length;
    if (!wasOpen && untried > 1) {
      this.#dial(untried - 1);
      return;
    }
    this.#attempts++;
    const delayMs = Math.min(BACKOFF_BASE_MS * 2 ** Math.min(this.#attempts, 6), BACKOFF_MS_MAX);
    this.#cancelTimer = this.#clock.after(delayMs / this.#hurry, () => this.#dial(this.#servers.length));
  }

  #send(entry: Outgoing): void {
    if (this.#open) this.#write(entry, 1);
    else this.#queue.push(entry);
  }

  /** @param copies how often the frame is queued when the write fails */
  #write(entry: Outgoing, copies: 1 | 2): void {
    this.#socket?.write(`${entry.line}\n`, (error) => {
      if (error) for (let i = 0; i < copies; i++) this.#queue.push({ ...entry, queuedAt: this.#clock.nowMs() });
      else if (entry.said !== null) this.events.emit("sent", entry.said);
    });
  }

  /** The receive thread: one line after the other, none while media are shown. */
  #read(): void {
    const lines = this.#unread;
    let done = 0;
    while (done < lines.length && !this.#showing) this.#handle(hear(this.#dialect, lines[done++] as string));
    if (this.#unread === lines) this.#unread = lines.slice(done);
  }

  #handle(heard: Heard | null): void {
    if (heard === null) return;
    if (heard.kind === "ping") this.#answerPing(heard.data);
    else if (heard.kind === "welcome") this.#onWelcome(heard.data);
    else if (heard.kind === "text") this.#show(heard.data, heard.text, null);
    else this.#share(heard.items, heard.data);
  }

  #answerPing(ping: Heard["data"]): void {
    const load = { message_queue_size: this.#queue.size, active_rooms: this.#rooms.size };
    this.#send({ line: pingAnswerLine(this.#speaker(), ping, load), queuedAt: this.#clock.nowMs(), said: null });
  }

  #onWelcome(data: Heard["data"]): void {
    this.events.emit("welcome", data);
    if (data.success === false && this.#dialect.obeysRefusal) this.#socket?.destroy();
  }

  /** Media go by channel; without one the phone looks for a room of that name that it has seen. */
  #share(items: readonly string[], data: Heard["data"]): void {
    if (typeof data.channel_id !== "string" && !this.#rooms.has(String(data.room))) return;
    const socket = this.#socket;
    this.#showing = true;
    socket?.pause();
    this.#show(data, null, items);
    const busyMs = mediaMs(this.#dialect, items, data.media_wait_time) / this.#hurry;
    this.#cancelMedia = this.#clock.after(busyMs, () => {
      this.#showing = false;
      this.#read();
      if (this.#showing) return;
      socket?.resume();
      this.#onEnd();
    });
  }

  #show(data: Heard["data"], text: string | null, media: readonly string[] | null): void {
    const room = String(data.room);
    const channel = typeof data.channel_id === "string" ? data.channel_id : (this.#rooms.get(room) ?? null);
    this.events.emit("shown", { room, channel, text, media, data, at: this.#clock.nowMs() });
  }
}
