/** `moa why`: who writes for a bot, what waits, and why. */
import type { Command } from "commander";
import { MoaError } from "#common/kernel/errors.ts";
import type { SeenConnection } from "#common/observe/connection-routes.ts";
import type { SeenWriters } from "#common/observe/writer-routes.ts";
import type { LaneBalance } from "#common/ports/lane-log.ts";
import type { Desk } from "./desk.ts";
import { ageOf, type Cell, printable, tableOf } from "./print.ts";
import { type Reason, reasonOf, timeOf } from "./reason.ts";
import { nameOf } from "./writers.ts";

type Lanes = readonly (LaneBalance & { readonly inFlight: number })[];

type Here = SeenConnection & { readonly gateway: string };

const CONNECTIONS_MAX = "1000";

export function addWhy(program: Command, desk: Desk): void {
  program
    .command("why <bot>")
    .description("who writes for the bot, since when, what waits, and why")
    .action(async (bot: string) => {
      const { seen, connections, pods, unreachable, lanes } = await lookAll(desk, bot);
      desk.note({ unreachable });
      if (isUnknown(seen) && connections.length === 0 && unreachable.length === 0) {
        throw new MoaError("not_found", `no bot ${bot} is connected, and nothing waits for one of that name`);
      }
      const reason = reasonOf(seen, connections, pods);
      const facts = tableOf(["what", "value"], [...factsOf(seen), ...lanesFact(lanes)]);
      const head = ["connection", "device", "pod or gateway", "age", "role"];
      const text = [`${headOf(reason)}\n`, facts, tableOf(head, rowsOf(seen, connections))].join("\n");
      desk.show({ ...reason, ...seen, connections, unreachable }, text);
    });
}

async function lookAll({ pods }: Desk, bot: string) {
  const query = { bot, limit: CONNECTIONS_MAX };
  const [seen, here, named, lanes] = await Promise.all([
    pods.one<SeenWriters>({ method: "GET", path: "writer", query: { bot } }),
    pods.all<{ connections: readonly SeenConnection[] }>({ method: "GET", path: "connections", query }),
    pods.all<{ pod: string }>({ method: "GET", path: "pod" }),
    // An aside, and a worker's to tell: it is left out when none answers.
    pods.one<{ lanes: Lanes }>({ method: "GET", path: "lanes" }).catch(() => undefined),
  ]);
  const connections = here.answers.flatMap(({ url, answer }) =>
    answer.connections.map((one): Here => ({ ...one, gateway: url })),
  );
  const answered = named.answers.map(({ answer }) => answer.pod);
  return { seen, connections, pods: answered, unreachable: here.unreachable, lanes: lanes?.lanes };
}

function isUnknown({ holder, former, candidates, waiting, held, paused }: SeenWriters): boolean {
  return holder === null && former === null && candidates.length + waiting + held === 0 && !paused;
}

function headOf({ why, wayOut }: Reason): string {
  return [why, ...(wayOut === "" ? [] : [`-> ${wayOut}`])].map(printable).join("\n");
}

function factsOf({ holder, former, paused, waiting, oldestMs, held, nowMs }: SeenWriters): readonly Cell[][] {
  const since = holder === null ? null : `${timeOf(holder.takenAt)}, for ${ageOf(nowMs - holder.takenAt)}`;
  const oldest = oldestMs === null ? "" : `, the oldest for ${ageOf(oldestMs)}`;
  return [
    ["writer", holder === null ? "nobody" : nameOf(holder)],
    ["since", since],
    ["the one before", former === null ? "not told: the first one, or its pod died" : formerText(former)],
    ["held by an operator", paused],
    ["not confirmed", `${waiting}${oldest}`],
    ["yours to decide", held],
  ];
}

function formerText({ epoch, reason, provenAt, declaredAt }: NonNullable<SeenWriters["former"]>): string {
  return `epoch ${epoch}, ended ${timeOf(declaredAt)}: ${reason}, proven alive ${timeOf(provenAt)}`;
}

/** What a bot has in them nobody counts; what is behind there is behind for all. */
function lanesFact(lanes: Lanes | undefined): readonly Cell[][] {
  if (lanes === undefined) return [];
  const inFlight = lanes.reduce((sum, one) => sum + one.inFlight, 0);
  const oldestMs = Math.max(0, ...lanes.map((one) => one.oldestMs));
  return [
    ["lanes, of all bots", `${inFlight} in flight${inFlight === 0 ? "" : `, the oldest for ${ageOf(oldestMs)}`}`],
  ];
}

/** Those that may write, as the directory knows them, and those that a gateway has besides. */
function rowsOf({ candidates, nowMs }: SeenWriters, here: readonly Here[]): readonly Cell[][] {
  const roles = new Map(here.map(({ id, role }) => [id, role]));
  const known = new Set(candidates.map(({ connection }) => connection));
  const enrolled = candidates.map(({ connection, device, pod, podLives, since }) => {
    return [
      connection,
      device,
      pod,
      ageOf(nowMs - since),
      podLives ? (roles.get(connection) ?? "?") : "its pod is gone",
    ];
  });
  const others = here.filter(({ id }) => !known.has(id));
  return [...enrolled, ...others.map((one) => [one.id, one.device, one.gateway, ageOf(one.ageMs), one.role])];
}
