import type { AdminRoutes } from "./admin-door.ts";
import { limitOf } from "./admin-fields.ts";

/** One connection of a gateway, as an operator sees it. */
export interface SeenConnection {
  readonly id: string;
  /** null until it has said who it is. */
  readonly bot: string | null;
  readonly device: string | null;
  readonly version: string | null;
  /** Without port. */
  readonly address: string;
  /** handshaking, unadmitted, standby, writer. */
  readonly role: string;
  /** Of its device's approval, or why there is none. */
  readonly status: string | null;
  /** What its newest frame's signature was found to be; null when none was looked at. */
  readonly signature: string | null;
  readonly ageMs: number;
}

/** @param all of this pod, in any order */
export function connectionRoutes(all: () => Iterable<SeenConnection>): AdminRoutes {
  return {
    "GET connections": async ({ query }) => {
      const limit = limitOf(query);
      const [bot, role] = [query.get("bot"), query.get("role")];
      let total = 0;
      const connections: SeenConnection[] = [];
      for (const one of all()) {
        if ((bot !== null && one.bot !== bot) || (role !== null && one.role !== role)) continue;
        total++;
        if (connections.length < limit) connections.push(one);
      }
      return { total, connections };
    },
    "GET connected": async ({ query }) => {
      const bots = new Map<string, { connections: number; unadmitted: number; writer: string | null }>();
      for (const { bot, device, role } of all()) {
        if (bot === null) continue;
        const known = bots.get(bot) ?? { connections: 0, unadmitted: 0, writer: null };
        known.connections++;
        if (role === "unadmitted") known.unadmitted++;
        if (role === "writer") known.writer = device;
        bots.set(bot, known);
      }
      const limit = limitOf(query);
      return { bots: [...bots].slice(0, limit).map(([bot, known]) => ({ bot, ...known })) };
    },
  };
}
