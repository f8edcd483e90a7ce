/**
 * A process of simulated phones, which can be stopped as a hung phone is: the kernel answers, the script does not.
 *
 *   parent ──> Order            child ──> batches of Report, every 20 ms
 *
 * Phones speak in open loop: a line is said when it is due, whatever became of those before.
 */
import type { DialectName } from "#scripts/phone/dialects.ts";
import { Phone, type Server, type Shown } from "#scripts/phone/phone.ts";
import { ROOMS_PER_PHONE, TEXTS_PER_PHONE, Texts } from "./texts.ts";

export interface PhoneSpec {
  readonly number: number;
  readonly bot: string;
  readonly device: string;
  readonly dialect: DialectName;
  readonly servers: readonly Server[];
  readonly linesPerS: number;
}

export type Order =
  | { readonly do: "open"; readonly run: string; readonly phones: readonly PhoneSpec[] }
  | { readonly do: "speak" | "hush" }
  | { readonly do: "close"; readonly phone: number }
  /** One more line now, with so many characters behind it, or as it is given. */
  | { readonly do: "say"; readonly phone: number; readonly text?: string; readonly chars?: number };

export type Report =
  | readonly ["connected" | "closed" | "welcome", at: number, phone: number, connection: number]
  | readonly ["sent", at: number, phone: number, connection: number, text: number]
  | readonly [
      "shown",
      at: number,
      phone: number,
      connection: number,
      text: number,
      resent: boolean,
      epoch: number | null,
      writtenAt: number | null,
    ];

const TICK_MS = 20;
const FIRST_CHANNEL = 180_000_000_000_000_000n;

interface Talker {
  readonly spec: PhoneSpec;
  readonly phone: Phone;
  connection: number;
  said: number;
  dueAt: number;
}

const talkers = new Map<number, Talker>();
let reports: Report[] = [];
let isSpeaking = false;
let texts: Texts;

process.on("message", (order: Order) => obey(order));
process.on("disconnect", () => process.exit());
setInterval(tick, TICK_MS);

function obey(order: Order): void {
  if (order.do === "open") {
    texts = new Texts(order.run);
    for (const spec of order.phones) open(spec);
  } else if (order.do === "say") {
    const talker = talkers.get(order.phone);
    if (talker) say(talker, order);
  } else if (order.do === "close") void talkers.get(order.phone)?.phone.close();
  else {
    isSpeaking = order.do === "speak";
    const now = performance.now();
    // Spread, or all would speak in one moment.
    for (const talker of talkers.values()) talker.dueAt = now + Math.random() * (1_000 / talker.spec.linesPerS);
  }
}

function open(spec: PhoneSpec): void {
  const { number, bot, device, dialect, servers } = spec;
  const phone = new Phone({ bot, device, dialect, servers });
  const talker: Talker = { spec, phone, connection: 0, said: 0, dueAt: Number.POSITIVE_INFINITY };
  talkers.set(number, talker);
  phone.events.on("connected", () => {
    talker.connection++;
    reports.push(["connected", Date.now(), number, talker.connection]);
  });
  phone.events.on("welcome", () => reports.push(["welcome", Date.now(), number, talker.connection]));
  phone.events.on("closed", () => reports.push(["closed", Date.now(), number, talker.connection]));
  phone.events.on("sent", ({ text }) => {
    const read = texts.read(text);
    if (read !== null) reports.push(["sent", Date.now(), number, talker.connection, read.text]);
  });
  phone.events.on("shown", (shown) => onShown(talker, shown));
  phone.connect();
}

function onShown({ spec, connection }: Talker, { text, data, at }: Shown): void {
  const read = text === null ? null : texts.read(text);
  if (read === null) return;
  const { resent, moa_epoch: epoch, moa_written_at: writtenAt } = data;
  const marks = [numberOr(epoch), numberOr(writtenAt)] as const;
  reports.push(["shown", at, spec.number, connection, read.text, resent === true, ...marks]);
}

function numberOr(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}

function tick(): void {
  const now = performance.now();
  for (const talker of talkers.values()) {
    while (isSpeaking && talker.dueAt <= now) {
      say(talker, {});
      talker.dueAt += 1_000 / talker.spec.linesPerS;
    }
  }
  if (reports.length === 0) return;
  process.send?.(reports);
  reports = [];
}

function say(talker: Talker, { text: given, chars = 0 }: { text?: string; chars?: number }): void {
  const { number } = talker.spec;
  if (talker.said >= TEXTS_PER_PHONE) return;
  const text = number * TEXTS_PER_PHONE + talker.said;
  if (given === undefined) talker.said++;
  const room = number * ROOMS_PER_PHONE + (text % ROOMS_PER_PHONE);
  talker.phone.say({
    room: `혼돈방 ${room}`,
    channel: String(FIRST_CHANNEL + BigInt(room)),
    sender: "손님",
    userHash: `chaos-${number}`,
    text: given ?? texts.lineOf(text, chars > 0 ? ` ${"가".repeat(chars)}` : ""),
  });
}
