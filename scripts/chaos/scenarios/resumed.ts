import type { Scene } from "../scenario.ts";

const RESUME_MS_MAX = 60_000;

/**
 * Ms until every bot of the crowd was shown an answer to a line that was said after now: together they have rooms in all
 * lanes, so that none is stuck. NaN when that is not so in time.
 */
export async function resumed({ history, fleet }: Scene): Promise<number> {
  const readyAt = Date.now();
  const saidSince = new Set<number>();
  const waiting = new Set(fleet.bots.filter(({ sort }) => sort === "crowd"));
  const last = await history
    .next("an answer to everybody", RESUME_MS_MAX, (one) => {
      if (one.kind === "sent") saidSince.add(one.text);
      const bot = one.kind === "shown" && saidSince.has(one.text) ? fleet.botOf[one.phone] : undefined;
      return bot !== undefined && waiting.delete(bot) && waiting.size === 0;
    })
    .catch(() => null);
  return last === null ? Number.NaN : Math.max(0, last.at - readyAt);
}
