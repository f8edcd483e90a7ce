/** `moa connections` and `moa bots`: who is here, over all the gateways asked. */
import type { Command } from "commander";
import { hasCode } from "#common/kernel/errors.ts";
import type { SeenConnection } from "#common/observe/connection-routes.ts";
import type { KnownBot } from "#common/ports/administration.ts";
import type { Desk } from "./desk.ts";
import { ageOf, tableOf } from "./print.ts";

interface ConnectedBot {
  readonly bot: string;
  readonly connections: number;
  readonly unadmitted: number;
  readonly writer: string | null;
}

interface ListOptions {
  readonly bot?: string;
  readonly role?: string;
  readonly limit?: string;
}

export function addConnections(program: Command, desk: Desk): void {
  program
    .command("connections")
    .description("sockets of the gateways, and what became of each")
    .option("--bot <bot>", "only of this bot")
    .option("--role <role>", "only handshaking, unadmitted, standby, writer or zombie ones")
    .option("--limit <rows>", "at most so many of each gateway")
    .action(async ({ bot, role, limit }: ListOptions) => {
      const query = { bot, role, limit };
      const request = { method: "GET", path: "connections", query } as const;
      const found = await desk.pods.all<{ total: number; connections: readonly SeenConnection[] }>(request);
      const total = found.answers.reduce((sum, { answer }) => sum + answer.total, 0);
      const connections = found.answers.flatMap(({ url, answer }) =>
        answer.connections.map((one) => ({ ...one, url })),
      );
      const rows = connections.map((one) => [
        ...[one.bot, one.device, one.version, one.address, one.role],
        ...[one.status, one.signature, ageOf(one.ageMs), one.url],
      ]);
      const head = ["bot", "device", "version", "address", "role", "approval", "signature", "age", "gateway"];
      const more = total > rows.length ? `${rows.length} of ${total}; --limit shows more\n` : "";
      desk.show({ total, connections, unreachable: found.unreachable }, tableOf(head, rows) + more);
      desk.note(found);
    });
}

export function addBots(program: Command, desk: Desk): void {
  program
    .command("bots")
    .description("bots: their devices and rooms, and who writes for them")
    .option("--limit <rows>", "at most so many")
    .action(async ({ limit }: ListOptions) => {
      const { pods } = desk;
      const query = { limit };
      const [known, connected] = await Promise.all([
        pods.all<{ bots: readonly KnownBot[] }>({ method: "GET", path: "bots", query }).catch(noneOfThatKind),
        pods.all<{ bots: readonly ConnectedBot[] }>({ method: "GET", path: "connected", query }).catch(noneOfThatKind),
      ]);
      const bots = merged(
        known?.answers[0]?.answer.bots ?? [],
        connected?.answers.flatMap(({ answer }) => answer.bots) ?? [],
      );
      const unreachable = [...new Set([...(known?.unreachable ?? []), ...(connected?.unreachable ?? [])])];
      const rows = bots.map(({ bot, devices, rooms, connections, unadmitted, writer }) => [
        ...[bot, counts(devices), counts(rooms)],
        ...(connected === undefined ? ["?", "?", "?"] : [connections, unadmitted, writer ?? "nobody"]),
      ]);
      const head = ["bot", "devices", "rooms", "connections", "unadmitted", "writer"];
      desk.show({ bots, unreachable }, tableOf(head, rows));
      desk.note({ unreachable });
    });
}

/** Approvals are a worker's to tell, connections a gateway's: either alone is worth showing. */
function noneOfThatKind(error: unknown): undefined {
  if (!hasCode(error, "not_served")) throw error;
}

function merged(known: readonly KnownBot[], connected: readonly ConnectedBot[]) {
  const none = { devices: {}, rooms: {}, connections: 0, unadmitted: 0, writer: null as string | null };
  const bots = new Map(known.map((one) => [one.bot, { ...none, ...one }]));
  for (const { bot, connections, unadmitted, writer } of connected) {
    const one = bots.get(bot) ?? { ...none, bot };
    bots.set(bot, {
      ...one,
      connections: one.connections + connections,
      unadmitted: one.unadmitted + unadmitted,
      writer: one.writer ?? writer,
    });
  }
  return [...bots.values()].sort((a, b) => (a.bot < b.bot ? -1 : 1));
}

function counts(byStatus: KnownBot["devices"]): string {
  return Object.entries(byStatus)
    .map(([status, count]) => `${count} ${status}`)
    .join(", ");
}
