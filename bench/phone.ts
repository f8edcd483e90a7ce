/**
 * One simulated phone of the load generator: the legacy dialect of bridge 3.2, one bot, one room, lines of about 690
 * bytes whose texts never repeat. It is made to cost little, not to be true: `npm run fleet` has the true ones.
 *
 * Every line carries its number; the answer brings it back, and what was sent when stands in a ring by number.
 */
import { connect, type Socket } from "node:net";

/** What a phone counts over its whole life. */
export interface Tally {
  sent: number;
  answered: number;
  /** Answered again. */
  doubled: number;
  /** Answered after a line that was sent later. */
  reordered: number;
}

export interface PhoneOptions {
  readonly port: number;
  /** 0 .. 99999. */
  readonly index: number;
  /** Five digits that no other round uses: log ids are deduped for longer than a round lasts. */
  readonly run: number;
  /** What an answer has in front of the number: bare echo sends the line itself back. */
  readonly mark: string;
  onAnswer(phone: Phone, sentMs: number): void;
}

const DIGITS = 8;
/** Numbers are looked up by their low bits; a phone never has more lines under way. */
const UNANSWERED_MAX = 256;
const LF = 10;
const ZERO = 48;
const QUOTE = 34;
/** Of a ping alone. */
const TOKEN_FIELD = Buffer.from('"server_timestamp":"');
const TOKEN_PLACE = "<token>";
const TALK = "오늘 저녁에 다 같이 모여서 밥 먹을까요 시간 되는 사람";

export class Phone {
  readonly tally: Tally = { sent: 0, answered: 0, doubled: 0, reordered: 0 };
  readonly #socket: Socket;
  readonly #mark: Buffer;
  readonly #line: Buffer;
  readonly #numberAt: readonly number[];
  /** The answer to a ping is its token between these. */
  readonly #pongHead: Buffer;
  readonly #pongTail: Buffer;
  /** NaN: answered, or never sent. */
  readonly #sentMs = new Float64Array(UNANSWERED_MAX).fill(Number.NaN);
  readonly #onAnswer: PhoneOptions["onAnswer"];
  #rest: Buffer | undefined;
  #latest = -1;
  #welcome: (() => void) | undefined;

  private constructor(options: PhoneOptions, socket: Socket) {
    const bot = `bench-${String(options.index).padStart(5, "0")}`;
    const auth = authOf(bot);
    this.#socket = socket;
    this.#mark = Buffer.from(options.mark);
    this.#onAnswer = options.onAnswer;
    const { line, numberAt } = template(bot, auth, options);
    const [head = "", tail = ""] = pongOf(bot, auth).split(TOKEN_PLACE);
    this.#pongHead = Buffer.from(head);
    this.#pongTail = Buffer.from(tail);
    this.#line = line;
    this.#numberAt = numberAt;
    socket.on("data", (chunk) => this.#read(chunk));
    socket.write(`${handshakeOf(bot)}\n`);
  }

  /** Connected, and its handshake was answered. */
  static async open(options: PhoneOptions): Promise<Phone> {
    const socket = connect({ port: options.port, host: "127.0.0.1", noDelay: true });
    return new Promise((resolve, reject) => {
      socket.once("error", reject);
      socket.once("close", () => reject(new Error(`the gateway closed phone ${options.index}`)));
      socket.once("connect", () => {
        const phone = new Phone(options, socket);
        phone.#welcome = () => resolve(phone);
      });
    });
  }

  get unanswered(): number {
    return this.tally.sent - this.tally.answered;
  }

  /** One write for each line, as a phone makes it. False when too many are under way: then nothing was sent. */
  say(atMs: number): boolean {
    if (this.unanswered >= UNANSWERED_MAX) return false;
    const number = this.tally.sent++;
    this.#sentMs[number % UNANSWERED_MAX] = atMs;
    const line = Buffer.from(this.#line);
    for (const at of this.#numberAt) {
      for (let i = at + DIGITS - 1, left = number; i >= at; i--, left = Math.trunc(left / 10)) {
        line[i] = ZERO + (left % 10);
      }
    }
    this.#socket.write(line);
    return true;
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    const bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    let from = 0;
    for (let end = bytes.indexOf(LF); end !== -1; end = bytes.indexOf(LF, from)) {
      this.#hear(bytes.subarray(from, end));
      from = end + 1;
    }
    this.#rest = from < bytes.length ? bytes.subarray(from) : undefined;
  }

  #hear(line: Buffer): void {
    const at = line.indexOf(this.#mark);
    if (at !== -1) {
      this.#answered(numberIn(line, at + this.#mark.length));
      return;
    }
    const token = line.indexOf(TOKEN_FIELD);
    if (token === -1) this.#welcome?.();
    else this.#pong(line.subarray(token + TOKEN_FIELD.length, line.indexOf(QUOTE, token + TOKEN_FIELD.length)));
  }

  #answered(number: number): void {
    const { tally } = this;
    const slot = number % UNANSWERED_MAX;
    const sentMs = this.#sentMs[slot] as number;
    if (Number.isNaN(sentMs) || !(number < tally.sent)) {
      tally.doubled++;
      return;
    }
    this.#sentMs[slot] = Number.NaN;
    tally.answered++;
    if (number < this.#latest) tally.reordered++;
    else this.#latest = number;
    this.#onAnswer(this, sentMs);
  }

  #pong(token: Buffer): void {
    this.#socket.write(Buffer.concat([this.#pongHead, token, this.#pongTail]));
  }
}

function numberIn(line: Buffer, at: number): number {
  let number = 0;
  for (let i = at; i < at + DIGITS; i++) number = number * 10 + ((line[i] as number) - ZERO);
  return number;
}

function handshakeOf(bot: string): string {
  const device = { deviceID: "ccbd8eee1012327e", deviceIP: "127.0.0.1", deviceInfo: "samsung SM-G991N (Android 13)" };
  return JSON.stringify({ clientType: "MessengerBotR", botName: bot, version: "3.2.1", ...device });
}

/** As a phone of 3.2 answers, about 500 bytes. */
function pongOf(bot: string, auth: object): string {
  const memory = { total_memory: 512, memory_usage: 128.4, memory_percent: 25.1 };
  const monitoring = { ...memory, message_queue_size: 0, active_rooms: 1 };
  const data = { bot_name: bot, server_timestamp: TOKEN_PLACE, monitoring, auth };
  return `${JSON.stringify({ event: "ping", data })}\n`;
}

/** The signature is none: it costs its bytes. */
function authOf(bot: string): object {
  const device = { deviceUUID: "ccbd8eee1012327e", deviceID: "ccbd8eee1012327e", macAddress: "02:00:00:00:00:00" };
  const rest = { ipAddress: "127.0.0.1", timestamp: Date.now(), version: "3.2.1", signature: "0".repeat(64) };
  return { clientType: "MessengerBotR", botName: bot, ...device, ...rest };
}

/** One line with zeros where its number goes, in the text and at the end of the log id. */
function template(bot: string, auth: object, { index, run }: PhoneOptions): { line: Buffer; numberAt: number[] } {
  const zeros = "0".repeat(DIGITS);
  const place = String(index).padStart(5, "0");
  const logId = `3${run}${place}${zeros}`;
  const names = { room: `테스트방 ${place}`, text: `# echo ${zeros} ${TALK}`, sender: "홍길동", isGroupChat: true };
  const ids = { channelId: `184456829593${place}`, logId, userHash: "abc123", isMention: false };
  const rest = { timestamp: "2026-11-21 12:00:00", botName: bot, clientType: "MessengerBotR", auth };
  const line = Buffer.from(`${JSON.stringify({ event: "analyze", data: { ...names, ...ids, ...rest } })}\n`);
  return { line, numberAt: [line.indexOf(`# echo ${zeros}`) + 7, line.indexOf(logId) + logId.length - DIGITS] };
}
