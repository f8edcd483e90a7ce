/** What many scenarios do: break a line, wait until the bot is served elsewhere, put things right. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Direction, Line, Way } from "../fault-proxy.ts";
import { type Bot, type BotPhone, lineOf } from "../fleet.ts";
import type { Happening, History } from "../history.ts";
import type { Facts, Scene } from "../scenario.ts";
import { until } from "../site.ts";

/** Detection of an idle connection, a phone's longest usual wait before it dials, and a slow machine. */
export const MOVED_MS_MAX = 45_000;
const BACK_MS_MAX = 75_000;

export interface Struck {
  readonly phone: BotPhone;
  readonly line: Line;
  readonly connection: number;
}

/** The writer's line of this bot, as far as phones can tell: where its last answer was shown. */
export async function writerLine({ fleet }: Scene, bot: Bot): Promise<Struck> {
  const { phone, shown } = await fleet.writerOf(bot);
  return { phone, line: lineOf(phone), connection: shown.connection };
}

/** Ms until the bot shows an answer on another connection; NaN when it does not in time. */
export async function outageOf({ history, fleet }: Scene, bot: Bot, struck: Struck): Promise<number> {
  const startedAt = Date.now();
  const isElsewhere = (one: Happening) =>
    one.kind === "shown" &&
    fleet.botOf[one.phone] === bot &&
    (one.phone !== struck.phone.number || one.connection !== struck.connection);
  const found = await history.next("an answer elsewhere", MOVED_MS_MAX, isElsewhere).catch(() => null);
  return found === null ? Number.NaN : found.at - startedAt;
}

/** Ends a broken line as its phone's network would, and waits until the phone is back. */
export async function mend({ phone, line }: Struck, { history }: { history: History }): Promise<void> {
  const back = history.next(
    "the phone is back",
    BACK_MS_MAX,
    (one) => one.kind === "connected" && one.phone === phone.number,
  );
  line.reset();
  await back;
}

/** Withholds bytes of the writer's line until the bot is served elsewhere. */
export async function blackHole(scene: Scene, bot: Bot, ways: Partial<Record<Direction, Way>>): Promise<Facts> {
  const struck = await writerLine(scene, bot);
  const { line } = struck;
  const before = { up: line.withheld("up"), down: line.withheld("down") };
  line.set(ways);
  const outage_ms = await outageOf(scene, bot, struck);
  const withheld_up = line.withheld("up") - before.up;
  const withheld_down = line.withheld("down") - before.down;
  await mend(struck, scene);
  return { withheld_up, withheld_down, outage_ms };
}

export async function isBack({ fleet }: Scene, bot: Bot): Promise<void> {
  await until(`the phones of ${bot.name} are back`, BACK_MS_MAX, () =>
    bot.phones.every(({ host, number }) => host.connectionOf(number) !== undefined),
  );
  await fleet.writerOf(bot, BACK_MS_MAX);
}

/** A random time between the two, ms. */
export async function pause(scene: Scene, least: number, most: number): Promise<void> {
  await sleep(least + scene.random.next() * (most - least));
}

export function count(history: History, since: number, fits: (happening: Happening) => boolean): number {
  return history.since(since).filter(fits).length;
}
