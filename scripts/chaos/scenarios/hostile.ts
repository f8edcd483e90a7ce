/** What no honest phone sends, or two phones that fight for one place. */
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { CUT } from "../fault-proxy.ts";
import type { Bot } from "../fleet.ts";
import type { BotScenario, Facts, Scene } from "../scenario.ts";
import { becomes } from "../site.ts";
import { isBack, pause, writerLine } from "./strike.ts";

const DUEL_MS = 15_000;
const OVERSIZED_CHARS = 700 * 1024;

export const hostile = {
  duel: {
    numbers: [6],
    says: "Two phones with one device dial for 15 s as soon as they are closed",
    on: "alone",
    strike: duel,
    least: { dials: 3 },
  },
  "cut-mid-line-up": {
    numbers: [9],
    says: "The line of the writer's phone is cut in the middle of what it says",
    on: "pair",
    strike: (scene, bot) => cutMidLine(scene, bot, "up"),
    least: { was_cut: 1 },
  },
  "cut-mid-line-down": {
    numbers: [9],
    says: "The writer's line is cut in the middle of an action",
    on: "pair",
    strike: (scene, bot) => cutMidLine(scene, bot, "down"),
    least: { was_cut: 1 },
  },
  "oversized-line": {
    numbers: [9],
    says: "700 KB without an end on the writer's line: closed, the phone dials again",
    on: "pair",
    strike: oversized,
    least: { bytes_sent: OVERSIZED_CHARS, was_closed: 1 },
  },
  garbage: {
    numbers: [9],
    says: "Lines that nothing can read on the writer's line: it stays",
    on: "pair",
    strike: garbage,
    least: { lines_sent: 50 },
    most: { was_closed: 0 },
  },
  "never-handshake": {
    numbers: [9],
    says: "Connections that say nothing, or a byte a second: closed in 10 s",
    on: "pair",
    strike: neverHandshake,
    least: { connections: 6 },
    most: { open_after_12_s: 0 },
  },
} as const satisfies Record<string, BotScenario>;

async function duel(scene: Scene, bot: Bot): Promise<Facts> {
  const [phone] = bot.phones;
  if (phone === undefined) throw new Error(`${bot.name} has no phone`);
  const dialsBefore = phone.proxies.reduce((sum, { taken }) => sum + taken, 0);
  const twin = await scene.fleet.twin(phone, scene.run);
  await sleep(DUEL_MS);
  scene.fleet.end(twin);
  const dials = phone.proxies.reduce((sum, { taken }) => sum + taken, 0) - dialsBefore;
  await isBack(scene, bot);
  return { dials };
}

async function cutMidLine(scene: Scene, bot: Bot, direction: "up" | "down"): Promise<Facts> {
  const { line } = await writerLine(scene, bot);
  line.set({ [direction]: CUT });
  const was_cut = Number(await becomes(20_000, () => !line.isOpen && line.withheld(direction) > 0));
  line.reset();
  await isBack(scene, bot);
  return { was_cut };
}

async function oversized(scene: Scene, bot: Bot): Promise<Facts> {
  const { line } = await writerLine(scene, bot);
  line.inject("x".repeat(OVERSIZED_CHARS));
  const was_closed = Number(await becomes(15_000, () => !line.isOpen));
  line.reset();
  await isBack(scene, bot);
  return { bytes_sent: OVERSIZED_CHARS, was_closed };
}

async function garbage(scene: Scene, bot: Bot): Promise<Facts> {
  const { line } = await writerLine(scene, bot);
  const shapes = [
    "}{",
    '{"event":"nothing"}',
    '{"event":"pong","data":null}',
    "\u0000\uFFFD",
    "[".repeat(5_000),
    '{"data":7}',
  ];
  let lines_sent = 0;
  for (; lines_sent < 60 && line.isOpen; lines_sent++) {
    // Whole lines of the phone lie between: one that fell into the middle of another would be a different fault.
    line.inject(`\n${shapes[lines_sent % shapes.length]}\n`);
    await pause(scene, 20, 80);
  }
  const was_closed = Number(!line.isOpen);
  await isBack(scene, bot);
  return { lines_sent, was_closed };
}

async function neverHandshake({ site }: Scene): Promise<Facts> {
  const sockets = site.bridges.flatMap((port) => Array.from({ length: 3 }, () => connect(port, "127.0.0.1")));
  for (const socket of sockets) socket.on("error", () => {}).resume();
  const opened = await Promise.all(
    sockets.map((socket) =>
      once(socket, "connect", { signal: AbortSignal.timeout(5_000) }).then(
        () => 1,
        () => 0,
      ),
    ),
  );
  const slow = setInterval(() => {
    for (const socket of sockets.slice(0, 3)) if (!socket.destroyed) socket.write("{");
  }, 1_000);
  await sleep(12_000);
  clearInterval(slow);
  const open_after_12_s = sockets.filter((socket) => !socket.destroyed && socket.readyState === "open").length;
  for (const socket of sockets) socket.destroy();
  return { connections: opened.reduce((sum, one) => sum + one, 0), open_after_12_s };
}
