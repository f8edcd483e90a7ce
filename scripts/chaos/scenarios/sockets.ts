/** Connections that die without saying so, or say strange things: each strikes one bot. */
import { setTimeout as sleep } from "node:timers/promises";
import { HOLD, PASS, SWALLOW } from "../fault-proxy.ts";
import { type Bot, lineOf } from "../fleet.ts";
import type { Happening } from "../history.ts";
import type { BotScenario, Facts, Scene } from "../scenario.ts";
import { becomes, stateOf } from "../site.ts";
import { blackHole, count, isBack, MOVED_MS_MAX, mend, outageOf, pause, writerLine } from "./strike.ts";

const SERVED_AGAIN = { outage_ms: 8_000 };
const SLOW_MS = 12_000;
const TRIES_MAX = 5;
const UNNOTICED_MS = 10_000;
const ANSWERS_LOST_MS = 2_000;
const PICTURE_MS = 9_000;

export const sockets = {
  "black-hole": {
    numbers: [1],
    says: "The writer's line passes nothing either way; a standby is healthy",
    on: "pair",
    strike: (scene, bot) => blackHole(scene, bot, { up: SWALLOW, down: SWALLOW }),
    least: { withheld_up: 1, withheld_down: 1 },
    most: SERVED_AGAIN,
  },
  "black-hole-down": {
    numbers: [2],
    says: "Nothing reaches the writer's phone, which goes on talking",
    on: "pair",
    strike: (scene, bot) => blackHole(scene, bot, { down: SWALLOW }),
    least: { withheld_down: 1 },
    most: { outage_ms: 40_000 },
  },
  "black-hole-up": {
    numbers: [2],
    says: "Nothing of what the writer's phone says arrives",
    on: "pair",
    strike: (scene, bot) => blackHole(scene, bot, { up: SWALLOW }),
    least: { withheld_up: 1 },
    most: SERVED_AGAIN,
  },
  "black-hole-idle": {
    numbers: [1],
    says: "The line of a writer that has nothing to write dies",
    on: "idle",
    strike: blackHoleIdle,
    least: { withheld_down: 1 },
    most: { outage_ms: 25_000 },
  },
  "black-hole-alone": {
    numbers: [7],
    says: "A bot's only line dies; its phone notices late and dials again",
    on: "alone",
    strike: blackHoleAlone,
    least: { withheld_up: 1, withheld_down: 1 },
    most: { served_after_dial_ms: 5_000 },
  },
  "phone-stopped": {
    numbers: [3],
    says: "The writer's phone hangs while its kernel answers, and wakes after the failover: its late echoes confirm nothing",
    on: "stoppable",
    strike: stopPhone,
    least: { was_stopped: 1 },
    most: SERVED_AGAIN,
  },
  "slow-reader": {
    numbers: [4],
    says: "The writer's phone reads 100 bytes a second: slow is not dead, and others do not feel it",
    on: "pair",
    strike: slowReader,
    least: { withheld_down: 1 },
  },
  "stale-echo": {
    numbers: [5],
    says: "The echo of a ping of the connection before comes on the next one, whose actions have not arrived",
    on: "alone",
    strike: staleEcho,
    least: { injected: 1, withheld_down: 1 },
  },
  reset: {
    numbers: [8],
    says: "The writer's line is reset",
    on: "pair",
    strike: async (scene, bot) => {
      const struck = await writerLine(scene, bot);
      const was_open = Number(struck.line.isOpen);
      const outage = outageOf(scene, bot, struck);
      await mend(struck, scene);
      return { was_open, outage_ms: await outage };
    },
    least: { was_open: 1 },
    most: SERVED_AGAIN,
  },
  "half-close": {
    numbers: [2],
    says: "The writer's phone is told the end of the stream while the gateway is told nothing",
    on: "pair",
    strike: halfClose,
    least: { ends_told: 1 },
    most: SERVED_AGAIN,
  },
  flap: {
    numbers: [8],
    says: "The writer's line is reset as soon as it stands, for 15 s",
    on: "alone",
    strike: flap,
    least: { resets: 3 },
  },
  "round-trip-step": {
    numbers: [10],
    says: "A round trip grows from nothing to 3.6 s and back: slow is not dead",
    on: "pair",
    strike: roundTripStep,
    least: { delayed_bytes: 1 },
    most: { moved: 0 },
  },
  "network-heals": {
    numbers: [2],
    says: "All that was under way on the writer's line arrives 12 s late, when another writes already",
    on: "pair",
    strike: networkHeals,
    least: { withheld_up: 1, withheld_down: 1 },
    most: { ...SERVED_AGAIN, moved_back: 0 },
  },
  "media-pause": {
    numbers: [10],
    says: "The writer's phone reads nothing for 5 to 10 s because it shows a picture that we sent: no failover",
    on: "pair",
    strike: mediaPause,
    least: { silent_ms: 4_000 },
    most: { moved: 0 },
  },
} as const satisfies Record<string, BotScenario>;

async function blackHoleIdle(scene: Scene, bot: Bot): Promise<Facts> {
  const struck = await writerLine(scene, bot);
  const { line, phone } = struck;
  const before = line.withheld("down");
  line.set({ up: SWALLOW, down: SWALLOW });
  const startedAt = Date.now();
  // Nothing is said meanwhile: the pings alone can find it.
  const isTaken = (one: Happening) => one.kind === "taken" && one.bot === bot.name && one.at > startedAt;
  const taken = await scene.history.next("another writer", MOVED_MS_MAX, isTaken).catch(() => null);
  const withheld_down = line.withheld("down") - before;
  const other = bot.phones.find((one) => one !== phone);
  if (other) scene.fleet.say(other);
  await mend(struck, scene);
  return { withheld_down, outage_ms: taken === null ? Number.NaN : taken.at - startedAt };
}

async function blackHoleAlone(scene: Scene, bot: Bot): Promise<Facts> {
  const struck = await writerLine(scene, bot);
  // Answers are on their way when the other direction dies too.
  struck.line.set({ down: SWALLOW });
  await sleep(ANSWERS_LOST_MS);
  struck.line.set({ up: SWALLOW });
  await sleep(UNNOTICED_MS);
  const [withheld_up, withheld_down] = [struck.line.withheld("up"), struck.line.withheld("down")];
  await mend(struck, scene);
  const dialledAt = Date.now();
  const served = await scene.fleet.writerOf(bot, MOVED_MS_MAX);
  return { withheld_up, withheld_down, served_after_dial_ms: served.shown.at - dialledAt };
}

async function stopPhone(scene: Scene, bot: Bot): Promise<Facts> {
  const [first, second] = bot.phones;
  if (first === undefined || second === undefined) throw new Error(`${bot.name} has no two phones`);
  // The writer is to be the one that can be stopped.
  for (let i = 0; i < TRIES_MAX && (await scene.fleet.writerOf(bot)).phone !== first; i++) {
    await mend({ phone: second, line: lineOf(second), connection: 0 }, scene);
  }
  const struck = await writerLine(scene, bot);
  first.host.signal("SIGSTOP");
  const outage_ms = await outageOf(scene, bot, struck);
  const was_stopped = Number(stateOf(first.host.pid) === "T" && struck.phone === first);
  first.host.signal("SIGCONT");
  await isBack(scene, bot);
  return { was_stopped, outage_ms };
}

async function slowReader(scene: Scene, bot: Bot): Promise<Facts> {
  const struck = await writerLine(scene, bot);
  const before = struck.line.withheld("down");
  struck.line.set({ down: { kind: "slow", bytesPerS: 100 } });
  await sleep(SLOW_MS);
  const withheld_down = struck.line.withheld("down") - before;
  const was_cut = Number(!struck.line.isOpen);
  struck.line.set({ down: PASS });
  await isBack(scene, bot);
  return { withheld_down, was_cut };
}

async function staleEcho(scene: Scene, bot: Bot): Promise<Facts> {
  const first = await writerLine(scene, bot);
  await becomes(MOVED_MS_MAX, () => first.line.echo !== "");
  const { echo } = first.line;
  await mend(first, scene);
  const second = await writerLine(scene, bot);
  const before = second.line.withheld("down");
  // The phone talks on and hears nothing: what answers it is written and must not be thought read.
  second.line.set({ down: SWALLOW });
  await becomes(5_000, () => second.line.withheld("down") > before);
  let injected = 0;
  for (; injected < 3 && echo !== "" && second.line.isOpen; injected++) {
    second.line.inject(`${echo}\n`);
    await pause(scene, 100, 300);
  }
  const withheld_down = second.line.withheld("down") - before;
  await mend(second, scene);
  return { injected, withheld_down };
}

async function halfClose(scene: Scene, bot: Bot): Promise<Facts> {
  const struck = await writerLine(scene, bot);
  const told = scene.history.next(
    "the phone is told",
    5_000,
    (one) => one.kind === "closed" && one.phone === struck.phone.number,
  );
  const outage = outageOf(scene, bot, struck);
  struck.line.set({ up: SWALLOW, down: SWALLOW });
  struck.line.halfClose();
  const ends_told = await told.then(
    () => 1,
    () => 0,
  );
  const outage_ms = await outage;
  struck.line.reset();
  await isBack(scene, bot);
  return { ends_told, outage_ms };
}

async function flap(scene: Scene, bot: Bot): Promise<Facts> {
  const [phone] = bot.phones;
  if (phone === undefined) throw new Error(`${bot.name} has no phone`);
  const until = Date.now() + 15_000;
  let resets = 0;
  while (Date.now() < until) {
    const open = phone.proxies.flatMap((proxy) => proxy.lines).filter(({ isOpen }) => isOpen);
    for (const line of open) line.reset();
    resets += open.length;
    await sleep(500);
  }
  await isBack(scene, bot);
  return { resets };
}

async function roundTripStep(scene: Scene, bot: Bot): Promise<Facts> {
  const struck = await writerLine(scene, bot);
  const before = struck.line.passed("down");
  const since = scene.history.length;
  for (const ms of [200, 1_000, 1_800, 200]) {
    struck.line.set({ up: { kind: "delay", ms }, down: { kind: "delay", ms } });
    await sleep(5_000);
  }
  const delayed_bytes = struck.line.passed("down") - before;
  const moved = count(
    scene.history,
    since,
    (one) => one.kind === "shown" && scene.fleet.botOf[one.phone] === bot && one.phone !== struck.phone.number,
  );
  struck.line.set({ up: PASS, down: PASS });
  return { delayed_bytes, moved };
}

async function networkHeals(scene: Scene, bot: Bot): Promise<Facts> {
  const struck = await writerLine(scene, bot);
  const { line } = struck;
  const heals = Date.now() + 12_000;
  line.set({ up: HOLD, down: HOLD });
  const outage_ms = await outageOf(scene, bot, struck);
  await sleep(Math.max(0, heals - Date.now()));
  const [withheld_up, withheld_down] = [line.withheld("up"), line.withheld("down")];
  const since = scene.history.length;
  line.set({ up: PASS, down: PASS });
  await isBack(scene, bot);
  await sleep(5_000);
  const moved_back = count(scene.history, since, (one) => one.kind === "taken" && one.bot === bot.name);
  return { withheld_up, withheld_down, outage_ms, moved_back };
}

async function mediaPause(scene: Scene, bot: Bot): Promise<Facts> {
  const { fleet, history } = scene;
  const { phone } = await fleet.writerOf(bot);
  const [since, saidAt] = [history.length, Date.now()];
  fleet.say(phone, { text: `# picture ${PICTURE_MS}` });
  await sleep(PICTURE_MS + 6_000);
  const shown = history.since(since).filter((one) => one.kind === "shown" && fleet.botOf[one.phone] === bot);
  const gaps = shown.map(({ at }, i) => at - (shown[i - 1]?.at ?? saidAt));
  const moved = shown.filter((one) => one.kind === "shown" && one.phone !== phone.number).length;
  return { silent_ms: Math.max(0, ...gaps), moved };
}
