/**
 * `node test/stack/takeovers.ts --interleavings 1000 --seed N --json`: one device dials again and again, on either of two
 * gateways, and its old connections end late or not at all (S-CONN-08). A stack of its own; many bots at once, one
 * interleaving each:
 *
 *   chaos     dial, handshake, handshake again, say, stop reading, end, reset, in any order, on up to four connections
 *   settle    whoever said who he is has been answered, or is closed
 *   newest    one connection more. It speaks while the old ones end one by one, each in its own way
 *
 * What has to hold: what the newest says is answered, and once the old ones have ended on itself, with a ping behind it; no
 * answer is shown twice unlabelled; an old one is ended by the gateways if nobody else ends it; and when all have gone no
 * connection is left. What is closed may dial again, as a phone does: that is counted and must be rare.
 * Exit code 0: so it is. 1: not, with the seeds of those that failed.
 */
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type Random, seededRandom } from "#common/kernel/random.ts";
import type { Stack } from "#scripts/stack/stack.ts";
import { logsOf, ownStack } from "#test/fixtures/own-stack.ts";
import { metricOf, until } from "./site.ts";

export interface TakeoverPlan {
  readonly interleavings: number;
  readonly seed: number;
}

export interface TakeoverReport {
  readonly verdict: "pass" | "fail";
  readonly failed: readonly string[];
  readonly interleavings: number;
  readonly connections: number;
  readonly answers: number;
  readonly resent: number;
  readonly redialled: number;
  readonly slowest_answer_ms: number;
  readonly seconds: number;
}

const AT_ONCE = 50;
const STEPS_MAX = 12;
const OLD_MAX = 4;
const BREATH_MS_MAX = 12;
const ANSWER_MS_MAX = 10_000;
/** Of the newest ones, how many may be taken for an old one by two gateways at once. */
const REDIALLED_SHARE_MAX = 0.01;

/** One socket of the device, of the first protocol. */
class Line {
  readonly socket: Socket;
  readonly shown: { readonly text: string; readonly isResent: boolean }[] = [];
  isClosed = false;
  isWelcome = false;
  hasSaidWho = false;
  pings = 0;
  readonly #bot: string;
  #rest = "";

  constructor(port: number, bot: string) {
    this.#bot = bot;
    this.socket = connect({ port, host: "127.0.0.1", noDelay: true }).setEncoding("utf8");
    this.socket.on("error", () => {}); // "close" follows, and is what counts
    this.socket.on("close", () => {
      this.isClosed = true;
    });
    this.socket.on("data", (text) => this.#read(String(text)));
  }

  handshake(): void {
    this.hasSaidWho = true;
    this.#send({ botName: this.#bot, version: "3.2.1", deviceID: "the only one", clientType: "MessengerBotR" });
  }

  say(text: string): void {
    const where = { room: "방", channelId: "1", sender: "홍", userHash: "u", isGroupChat: true };
    this.#send({ event: "analyze", data: { ...where, text: `# echo ${text}`, logId: text } });
  }

  has(text: string): boolean {
    return this.shown.some((one) => one.text === text);
  }

  #send(frame: object): void {
    if (this.socket.writable) this.socket.write(`${JSON.stringify(frame)}\n`);
  }

  #read(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() as string;
    for (const line of lines) {
      const { event, data } = JSON.parse(line);
      if (event === "handshakeComplete") this.isWelcome = true;
      else if (event === "messageResponse") {
        this.shown.push({ text: data.text.replace("에코: ", ""), isResent: data.resent === true });
      } else {
        this.pings++;
        this.#send({ event: "ping", data: { server_timestamp: data.server_timestamp } });
      }
    }
  }
}

class Interleaving {
  readonly lines: Line[] = [];
  redialled = 0;
  slowestMs = 0;
  readonly #random: Random;
  readonly #bot: string;
  readonly #ports: readonly number[];
  #said = 0;

  constructor(seed: number, ports: readonly number[]) {
    this.#random = seededRandom(seed);
    this.#bot = `takeover-${seed}`;
    this.#ports = ports;
  }

  /** Rejects with what did not hold. */
  async run(): Promise<void> {
    try {
      for (let left = this.#below(STEPS_MAX); left > 0; left--) await this.#step();
      for (const line of this.lines) await this.#settle(line);
      await this.#newest([...this.lines]);
      this.#judge();
    } finally {
      for (const { socket } of this.lines) socket.destroy();
    }
  }

  async #step(): Promise<void> {
    const line = this.#one(this.lines);
    const dial = () => this.lines.push(this.#dial());
    const ways = [
      () => line.handshake(),
      () => line.say(this.#text()),
      () => line.socket.pause(),
      () => line.socket.end(),
      () => reset(line),
    ];
    // The first two are what phones do most.
    const at = this.#below(ways.length + 3) - 3;
    if (line === undefined || (at < 0 && this.lines.length < OLD_MAX)) dial();
    else (ways[Math.max(at, 0)] as () => void)();
    if (this.#below(2) === 0) await sleep(this.#below(BREATH_MS_MAX));
  }

  /** A gateway has read who it is: else it might be the newest. */
  async #settle(line: Line): Promise<void> {
    if (!line.hasSaidWho) return;
    const isPaused = line.socket.isPaused();
    line.socket.resume();
    await this.#soon("an old one's welcome", () => line.isWelcome || line.isClosed);
    if (isPaused) line.socket.pause();
  }

  /** A phone that is closed dials again. */
  async #newest(old: readonly Line[]): Promise<void> {
    const line = this.#dial();
    this.lines.push(line);
    line.handshake();
    const ends = this.#shuffled(old);
    const texts: string[] = [];
    for (const one of [...ends, undefined]) {
      if (this.#below(2) === 0 || one === undefined) {
        const text = this.#text();
        texts.push(text);
        line.say(text);
      }
      if (one !== undefined) this.#endLate(one);
      if (this.#below(2) === 0) await sleep(this.#below(BREATH_MS_MAX));
    }
    const fromMs = performance.now();
    // An old one may have been given it in the moment before it was replaced, and have confirmed it.
    const isShown = (text: string) => this.lines.some((one) => one.has(text));
    await this.#soon("an answer", () => line.isClosed || texts.every(isShown));
    this.slowestMs = Math.max(this.slowestMs, performance.now() - fromMs);
    if (line.isClosed) {
      if (++this.redialled > 2) throw new Error("the newest is closed again and again");
      return this.#newest(old.filter((one) => !one.isClosed));
    }
    await this.#soon("the end of the old ones", () => old.every((one) => one.isClosed || !one.hasSaidWho));
    const [pings, text] = [line.pings, this.#text()];
    line.say(text);
    // A ping follows every answer.
    await this.#soon("an answer and a ping after the old ones' end", () => line.has(text) && line.pings > pings);
    if (line.isClosed) throw new Error("the newest was closed after it had been answered");
  }

  /** Some are left to the gateways. */
  #endLate(line: Line): void {
    line.socket.resume();
    const ways = [() => line.socket.end(), () => reset(line), () => {}];
    (ways[this.#below(ways.length)] as () => void)();
  }

  #judge(): void {
    const unlabelled = this.lines.flatMap(({ shown }) => shown.filter(({ isResent }) => !isResent));
    const texts = unlabelled.map(({ text }) => text);
    if (new Set(texts).size < texts.length) throw new Error("an answer was shown twice and not labelled");
  }

  #dial(): Line {
    return new Line(this.#one(this.#ports), this.#bot);
  }

  #text(): string {
    return `${this.#bot} ${++this.#said}`;
  }

  async #soon(what: string, isSo: () => boolean): Promise<void> {
    await until(what, ANSWER_MS_MAX, isSo);
  }

  #below(bound: number): number {
    return Math.floor(this.#random.next() * bound);
  }

  #one<T>(of: readonly T[]): T {
    return of[this.#below(of.length)] as T;
  }

  #shuffled<T>(of: readonly T[]): readonly T[] {
    return of
      .map((one) => ({ one, at: this.#random.next() }))
      .sort((a, b) => a.at - b.at)
      .map(({ one }) => one);
  }
}

/** One that is about to end, or not yet connected, Node cannot reset: its handle would never close. */
function reset({ socket }: Line): void {
  if (socket.writableEnded || socket.connecting) socket.destroy();
  else socket.resetAndDestroy();
}

/** Over a stack of two gateways whose devices are approved as they come. */
export async function runTakeovers(
  { gateways }: Stack,
  { interleavings, seed }: TakeoverPlan,
): Promise<TakeoverReport> {
  const startedMs = performance.now();
  const ports = gateways.map(({ ports }) => ports.bridge as number);
  const left = Array.from({ length: interleavings }, (_, i) => seed * 1_000_000 + i);
  const done: Interleaving[] = [];
  const failed: string[] = [];
  const open = () => metricOf(gateways, "moa_connections");
  const before = await open();
  const work = async () => {
    for (let one = left.shift(); one !== undefined; one = left.shift()) {
      const interleaving = new Interleaving(one, ports);
      done.push(interleaving);
      await interleaving.run().catch((error: Error) => failed.push(`${one}: ${error.message}`));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  await until("the end of every connection", ANSWER_MS_MAX, async () => (await open()) <= before).catch((error) =>
    failed.push(error.message),
  );
  const redialled = done.reduce((sum, one) => sum + one.redialled, 0);
  if (redialled > REDIALLED_SHARE_MAX * interleavings) failed.push(`${redialled} of the newest were closed`);
  const shown = done.flatMap(({ lines }) => lines.flatMap((line) => line.shown));
  return {
    verdict: failed.length === 0 ? "pass" : "fail",
    failed,
    interleavings,
    connections: done.reduce((sum, { lines }) => sum + lines.length, 0),
    answers: shown.length,
    resent: shown.filter(({ isResent }) => isResent).length,
    redialled,
    slowest_answer_ms: Math.round(Math.max(...done.map(({ slowestMs }) => slowestMs))),
    seconds: Math.round((performance.now() - startedMs) / 100) / 10,
  };
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      interleavings: { type: "string", default: "1000" },
      seed: { type: "string", default: "1" },
      json: { type: "boolean" },
    },
  });
  const plan = { interleavings: Number(values.interleavings), seed: Number(values.seed) };
  if (!(plan.interleavings > 0) || !Number.isInteger(plan.seed)) {
    process.stderr.write("--interleavings is above 0, --seed a whole number\n");
    return 2;
  }
  const own = await ownStack({ gateways: 2 });
  try {
    await own.start();
    const report = await runTakeovers(own.stack, plan);
    if (report.verdict === "fail") process.stderr.write(`${logsOf(own.stack)}\n`);
    process.stdout.write(`${JSON.stringify(report)}\n`);
    return report.verdict === "pass" ? 0 : 1;
  } finally {
    await own.remove();
  }
}

if (import.meta.main) process.exitCode = await main();
