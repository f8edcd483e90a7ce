/**
 * The load generator, a process of its own so that its CPU is in nobody's account. Its parent orders one step at a
 * time over IPC and gets one answer for each:
 *
 *   connect -> (saturate | pace) -> begin -> end (sends no more) -> saturate ... -> balance
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Phone, type Tally } from "./phone.ts";

export type Order =
  /** `sockets` phones, numbered from `first`. */
  | {
      readonly step: "connect";
      readonly port: number;
      readonly first: number;
      readonly sockets: number;
      readonly mark: string;
      readonly run: number;
      /** Dialled side by side; 64 unless it is said. */
      readonly atOnce?: number;
    }
  /** Closed loop: `window` lines of each phone always under way. */
  | { readonly step: "saturate"; readonly window: number }
  /** Open loop: that many lines a second over all phones, whether answers come or not. */
  | { readonly step: "pace"; readonly rate: number }
  | { readonly step: "begin" | "end" | "balance" };

/** Between begin and end. */
export interface Window {
  /** Since begin, with the lines that were under way at the end. */
  readonly answered: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Since connect. */
export type Balance = Tally & { readonly lost: number };

const TICK_MS = 1;
const ANSWER_MS_MAX = 15_000;
/** A doubled answer comes later than the last one. */
const AFTERMATH_MS = 300;
const CONNECTING_MAX = 64;

let phones: Phone[] = [];
let window = 0;
let pacing: NodeJS.Timeout | undefined;
let answered = 0;
let latencies = new Float64Array(1 << 16);

function onAnswer(phone: Phone, sentMs: number): void {
  if (answered === latencies.length) {
    const wider = new Float64Array(latencies.length * 2);
    wider.set(latencies);
    latencies = wider;
  }
  const nowMs = performance.now();
  latencies[answered++] = nowMs - sentMs;
  if (phone.unanswered < window) phone.say(nowMs);
}

/** Gives how long each took from its dial to its welcome, ms, in order of length. */
async function open(order: Extract<Order, { step: "connect" }>): Promise<readonly number[]> {
  const { port, first, sockets, mark, run, atOnce = CONNECTING_MAX } = order;
  const tookMs: number[] = [];
  const dial = async (index: number) => {
    const fromMs = performance.now();
    const phone = await Phone.open({ port, index, mark, run, onAnswer });
    tookMs.push(Math.round(performance.now() - fromMs));
    return phone;
  };
  phones = [];
  while (phones.length < sockets) {
    const count = Math.min(atOnce, sockets - phones.length);
    const indexes = Array.from({ length: count }, (_, i) => first + phones.length + i);
    phones.push(...(await Promise.all(indexes.map(dial))));
  }
  return tookMs.sort((a, b) => a - b);
}

function saturate(size: number): void {
  window = size;
  for (const phone of phones) while (phone.unanswered < window) phone.say(performance.now());
}

/** A line's latency counts from when it was due, so that a late timer hides no waiting. */
function pace(rate: number): void {
  const startMs = performance.now();
  let due = 0;
  pacing = setInterval(() => {
    for (const nowMs = performance.now(); startMs + (due * 1_000) / rate <= nowMs; due++) {
      phones[due % phones.length]?.say(startMs + (due * 1_000) / rate);
    }
  }, TICK_MS);
}

/** Answers heard before. */
function begin(): number {
  answered = 0;
  return total("answered");
}

/** Sends no more, and waits for what is under way. */
async function end(): Promise<Window> {
  const sorted = latencies.slice(0, answered).sort();
  const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
  window = 0;
  clearInterval(pacing);
  const untilMs = performance.now() + ANSWER_MS_MAX;
  while (phones.some((phone) => phone.unanswered > 0) && performance.now() < untilMs) await sleep(5);
  return { answered, p50Ms: at(0.5), p99Ms: at(0.99) };
}

async function balance(): Promise<Balance> {
  await sleep(AFTERMATH_MS);
  const [sent, heard] = [total("sent"), total("answered")];
  return { sent, answered: heard, doubled: total("doubled"), reordered: total("reordered"), lost: sent - heard };
}

function total(field: keyof Tally): number {
  return phones.reduce((sum, phone) => sum + phone.tally[field], 0);
}

function obey(order: Order): unknown {
  switch (order.step) {
    case "connect":
      return open(order);
    case "saturate":
      return saturate(order.window);
    case "pace":
      return pace(order.rate);
    case "begin":
      return begin();
    case "end":
      return end();
    case "balance":
      return balance();
  }
}

process.on("message", async (order: Order) => {
  const result = await obey(order);
  process.send?.({ result: result ?? null });
});
process.once("disconnect", () => process.exit(0));
