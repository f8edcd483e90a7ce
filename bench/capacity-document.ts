/** The parts of docs/capacity.md: what was measured, what follows from it for fleets of three sizes. Pure. */
import { limits } from "#common/contract/limits.ts";
import { type Counted, coordination, type Layout, type Measured, type Site, sumOf } from "./capacity-model.ts";
import { type Happening, type Simulated, simulated } from "./capacity-simulation.ts";
import { rounded } from "./figures.ts";

type Role = "gateway" | "worker" | "redis" | "mysql";

interface EchoSide {
  readonly msgs_per_s: number;
  /** Of a line and its answer. */
  readonly cpu_us: Readonly<Record<Role, number>>;
}

/** Of `bench -- echo`: at saturation, and at a rate at which batches are small. */
export interface EchoCost {
  readonly moa: EchoSide;
  readonly fixed: { readonly rate: number; readonly moa: EchoSide };
}

/** What is assumed of a fleet, and how full things are planned. */
const PHONES_PER_BOT = 2;
const PEAK_LINES_PER_BOT_AND_S = 0.1;
const CONNECTIONS_PER_GATEWAY = 10_000;
/** A pod or server that is busier than that has nothing left for a neighbour's death. */
const CPU_SHARE = 0.5;
/** A Deployment's surge, or one that just died. */
const SPARE = 1;
const PODS_LEAST = 2;
/** Rendezvous hashing gives with fewer some worker a third more than its part. */
const LANES_PER_WORKER = 4;
const LANES_PER_SHARD_MAX = 64;
const BOTS = [10_000, 100_000, 1_000_000];

const CPU_US = 1_000_000 * CPU_SHARE;

interface Sizing {
  readonly site: Site;
  readonly layout: Layout;
  readonly linesPerS: number;
  readonly redisNodes: number;
  readonly shards: number;
  readonly loops: ReturnType<typeof coordination>;
  readonly commandUs: number;
}

export function capacityParts(measured: Measured, echo: EchoCost): readonly string[] {
  const sizings = BOTS.map((bots) => sizingOf(bots, measured, echo));
  return [
    `What a pod holds, what Redis carries, and how many of each a fleet needs. **Measured** figures are of one small machine, by the
benchmarks named beside them; a larger one does better, a busier one worse. **Computed** ones follow from the periods in
\`common/contract/limits.ts\` and are held against the measured ones by a test. **Assumed** ones are yours to replace.`,
    "## What one pod holds",
    podTable(measured, echo),
    "## What Redis carries for a line",
    `Counted on a private Redis with 2 gateways, 2 workers and ${measured.counted.at(-1)?.bots} bots (\`npm run bench -- capacity\`), what pods do
at rest subtracted. A line is answered: append, read, enqueue, publish, confirm, commit and rows are all in it. Batches tune
themselves, so that a line costs less the more there are; the last rows are \`npm run bench -- echo\`.`,
    lineTable(measured, echo),
    `A bot takes ${bytesPerBot(measured)} KiB of Redis' memory, by what these had when they had spoken: its directory entry, its outbox and the ids
that are remembered. Lines that wait take their own length: at most ${limits.laneBacklogEventsMax.toLocaleString("en")} a lane (\`MOA_LANE_BACKLOG_MAX\`).`,
    "## What coordination costs",
    `Commands a second with nobody speaking, those within scripts included. Counted ones are of real pods; the others are
computed by the same rules (\`bench/capacity-model.ts\`). One costs Redis at most ${rounded(sizings[0]?.commandUs ?? 0)} us of CPU, measured where there are
fewest to share a turn of its loop.`,
    countedTable(measured.counted),
    loopTable(sizings),
    `The same as it happens (\`bench/capacity-simulation.ts\`): every loop at a phase of its own, and bots that change hands when
a gateway dies with its phones, or is drained. What a mean does not show is how much comes at a time: standbys of a dead
gateway's bots take them within one look, and its phones dial again in the same second.`,
    simulatedTable(sizings),
    `A second that takes more than one of a core is one in which Redis falls behind: answers come that much later, lives end
after ${limits.lifeMs / 1_000} s. It is an upper bound, because a command costs less the more there are. Fewer bots on a gateway make it smaller,
and so do more nodes.`,
    `What each pod reads of who lives grows with the number of pods, and all pods together with its square: ${BOTS.map((bots, i) => `${keysRead(sizings[i] as Sizing)} keys a second for ${power(bots)}`).join(", ")} bots, in calls of all of them at once.`,
    "## How many of each",
    `Assumed: ${PHONES_PER_BOT} phones a bot, on two gateways; ${PEAK_LINES_PER_BOT_AND_S} lines a second and bot at the peak; the cheap \`echo\` command, so that workers for
dearer commands come on top; everything at most ${CPU_SHARE * 100} % busy; one pod more than needed of each kind.`,
    sizeTable(sizings, measured, echo),
    `- \`MOA_SHARDS\`, \`MOA_LANES_PER_SHARD\` and \`MOA_OUTBOX_TAGS\` are a deployment's identity and changed only drained: take them
  for the size that you expect in a year. More lanes than needed cost the commands above, fewer cap the workers.
- From more than one Redis node on it is a Cluster, and shards and tags are what is spread over its nodes: some for each.
- Connections bound the gateways long before lines do: ${CONNECTIONS_PER_GATEWAY.toLocaleString("en")} each are planned, \`MOA_CONNECTIONS_MAX\` is the end. When a
  gateway dies its phones dial the others within seconds: the spare one is the room for them.
- All rows go to one MySQL. ${(echo.moa.msgs_per_s * 2).toLocaleString("en")} a second is the most that was seen here: what is beyond that asks for a larger server,
  and at ${power(1_000_000)} bots for a chat log on more than one, which moa does not have.
- Not measured: more than ${measured.idle.connections.toLocaleString("en")} connections (\`npm run bench -- idle\` goes to 19,000) and 4 pods at once, a network between
  them, a Cluster under load. The column of ${power(1_000_000)} bots is arithmetic: what breaks first there is likely not in it.`,
  ];
}

function podTable({ idle }: Measured, { moa: { cpu_us, msgs_per_s } }: EchoCost): string {
  const perCore = (us: number) => Math.round(1_000_000 / us / 100) * 100;
  return table(
    ["what", "figure", "from"],
    [
      [
        "memory of a connection that says nothing",
        `${idle.moa_kib} KiB`,
        `measured: \`bench -- idle\`, ${idle.connections} connections`,
      ],
      ["connections of a gateway", `15,000`, "set: `MOA_CONNECTIONS_MAX`"],
      ["a gateway's CPU for a line and its answer", `${cpu_us.gateway} us`, "measured: `bench -- echo`"],
      ["a worker's CPU for it", `${cpu_us.worker} us`, "measured: `bench -- echo`"],
      ["lines a second of a gateway's core", `${perCore(cpu_us.gateway)}`, "computed from it"],
      ["lines a second of a worker's core", `${perCore(cpu_us.worker)}`, "computed from it"],
      [
        "lines a second of 1 gateway, 1 worker and their servers on 2 cores",
        `${msgs_per_s}`,
        "measured: `bench -- echo`",
      ],
      [
        "memory for lines that wait or were just appended",
        `${limits.gatewayRingBytesMax / 2 ** 20} MiB`,
        "limit of a gateway",
      ],
      ["connections a second that a drain ends", `${limits.drainPerSecondMax}`, "limit of a gateway"],
    ],
  );
}

function lineTable({ counted }: Measured, { moa, fixed }: EchoCost): string {
  const rows = counted.flatMap((one) => {
    const rest = counted.find((other) => isAtRest(other) && sameSite(other, one));
    if (one.linesPerS === 0 || rest === undefined) return [];
    const of = (figure: keyof Counted["perS"]) => rounded((one.perS[figure] - rest.perS[figure]) / one.linesPerS);
    return [[`${one.linesPerS}`, of("commands"), of("bytesIn"), of("bytesOut"), `${of("cpuUs")} us`].map(String)];
  });
  const benched = [
    [`${fixed.rate}, 1 of each`, "", "", "", `${fixed.moa.cpu_us.redis} us`],
    [`${moa.msgs_per_s}, 1 of each`, "", "", "", `${moa.cpu_us.redis} us`],
  ];
  return table(["lines a second", "commands", "bytes in", "bytes out", "CPU of Redis"], [...rows, ...benched]);
}

function countedTable(counted: readonly Counted[]): string {
  const rows = counted
    .filter(isAtRest)
    .map((one) => [
      ...[one.gateways, one.workers, one.bots, one.standbys].map(String),
      `${one.perS.commands}`,
      `${rounded(sumOf(coordination(one, { lanes: 16, tags: 8, reach: { shards: 1, tags: 1 } })))}`,
      `${rounded(one.perS.cpuUs / 10_000)} %`,
    ]);
  return table(["gateways", "workers", "bots", "with a standby", "counted", "computed", "of a core of Redis"], rows);
}

function loopTable(sizings: readonly Sizing[]): string {
  const [first] = sizings;
  const rows = (first?.loops ?? []).map(({ what }, i) => [
    what,
    ...sizings.map(({ loops }) => amount(loops[i]?.commandsPerS ?? 0)),
  ]);
  const all = ["**all**", ...sizings.map(({ loops }) => `**${amount(sumOf(loops))}**`)];
  return table(["commands a second, computed", ...BOTS.map((bots) => `${power(bots)} bots`)], [...rows, all]);
}

function simulatedTable(sizings: readonly Sizing[]): string {
  const of = (happening: Happening) =>
    sizings.map(({ site, layout, redisNodes }) => simulated({ site, layout, nodes: redisNodes, happening }));
  const [rest, death, drain] = [of("rest"), of("death"), of("drain")];
  const peak = ({ peak }: Simulated) => amount(peak);
  const coreSeconds = ({ peak }: Simulated, i: number) =>
    `${rounded((peak * (sizings[i]?.commandUs ?? 0)) / 1_000_000)}`;
  const seconds = ({ outageMs }: Simulated) => `${rounded(outageMs / 1_000)} s`;
  return table(
    ["", ...BOTS.map((bots) => `${power(bots)} bots`)],
    [
      ["commands a second at rest, computed", ...sizings.map(({ loops }) => amount(sumOf(loops)))],
      ["the same, simulated", ...rest.map(({ perS }) => amount(perS))],
      ["busiest second of the busiest node, at rest", ...rest.map(peak)],
      ["when a gateway dies", ...death.map(peak)],
      ["when one is drained, as at a rolling deployment", ...drain.map(peak)],
      ["seconds of a core of Redis for it, when a gateway dies", ...death.map(coreSeconds)],
      ["when one is drained", ...drain.map(coreSeconds)],
      ["until a dead gateway's last bot has a writer", ...death.map(seconds)],
    ],
  );
}

function sizeTable(sizings: readonly Sizing[], measured: Measured, echo: EchoCost): string {
  const row = (what: string, of: (sizing: Sizing) => number | string) => [
    what,
    ...sizings.map((one) => shown(of(one))),
  ];
  const gib = (kib: number) => `${rounded(kib / 2 ** 20)} GiB`;
  const connections = ({ site }: Sizing) => site.bots * PHONES_PER_BOT;
  const cores = (role: Role) => (sizing: Sizing) => rounded(busyUs(echo, role, sizing.linesPerS) / 1_000_000);
  const coordinationCores = ({ loops, commandUs }: Sizing) => rounded((sumOf(loops) * commandUs) / 1_000_000);
  return table(
    ["", ...BOTS.map((bots) => `${power(bots)} bots`)],
    [
      row("connections", connections),
      row("lines a second at the peak", ({ linesPerS }) => linesPerS),
      row("**gateways**", ({ site }) => site.gateways),
      row("memory of all connections", (one) => gib(connections(one) * measured.idle.moa_kib)),
      row("**workers**", ({ site }) => site.workers),
      row(
        "**lanes** (`MOA_SHARDS` x `MOA_LANES_PER_SHARD`)",
        ({ shards, layout }) => `${shards} x ${layout.lanes / shards}`,
      ),
      row("**tags** (`MOA_OUTBOX_TAGS`)", ({ layout }) => layout.tags),
      row("cores of Redis for lines", cores("redis")),
      row("cores of Redis for coordination", coordinationCores),
      row("**Redis nodes**, without replicas", ({ redisNodes }) => redisNodes),
      row("memory of Redis for bots", ({ site }) => gib(site.bots * bytesPerBot(measured))),
      row("cores of MySQL", cores("mysql")),
      row("rows of the chat log a second", ({ linesPerS }) => linesPerS * 2),
    ],
  );
}

function sizingOf(bots: number, measured: Measured, echo: EchoCost): Sizing {
  const linesPerS = bots * PEAK_LINES_PER_BOT_AND_S;
  const pods = (needed: number) => Math.max(PODS_LEAST, Math.ceil(needed)) + SPARE;
  const forLines = (role: Role) => busyUs(echo, role, linesPerS) / CPU_US;
  const gateways = pods(Math.max((bots * PHONES_PER_BOT) / CONNECTIONS_PER_GATEWAY, forLines("gateway")));
  const workers = pods(forLines("worker"));
  const site: Site = { gateways, workers, bots, standbys: bots };
  const lanes = Math.max(16, powerOfTwo(workers * LANES_PER_WORKER));
  const commandUs = Math.max(...measured.counted.filter(isAtRest).map(({ perS }) => perS.cpuUs / perS.commands));
  // Nodes, shards and what coordination costs hang on each other: from one node up until it is enough.
  for (let redisNodes = 1; ; redisNodes++) {
    const shards = Math.max(2, powerOfTwo(redisNodes * 2), lanes / LANES_PER_SHARD_MAX);
    const tags = Math.min(64, Math.max(8, powerOfTwo(redisNodes * 4)));
    const reach = redisNodes === 1 ? { shards: 1, tags: 1 } : { shards, tags };
    const layout = { lanes, tags, reach };
    const loops = coordination(site, layout);
    const cpuUs = busyUs(echo, "redis", linesPerS) + sumOf(loops) * commandUs;
    if (cpuUs <= redisNodes * CPU_US) return { site, layout, linesPerS, redisNodes, shards, loops, commandUs };
  }
}

/** CPU a second. A line is cheaper where there are many, but never do more lines cost less. */
function busyUs({ moa, fixed }: EchoCost, role: Role, linesPerS: number): number {
  const few = Math.min(linesPerS, fixed.rate) * fixed.moa.cpu_us[role];
  return Math.max(few, linesPerS * moa.cpu_us[role]);
}

/** Keys read a second to know who lives. */
function keysRead({ site: { gateways, workers } }: Sizing): string {
  const looks = (1_000 / limits.writersLookEveryMs) * gateways ** 2;
  const checks = 2 * (1_000 / limits.laneCheckEveryMs) * workers ** 2;
  return amount(looks + checks);
}

/** KiB, by those who had spoken. */
function bytesPerBot({ counted }: Measured): number {
  const after = counted.at(-1);
  const before = counted.find(({ gateways, bots }) => gateways === after?.gateways && bots === 0);
  if (after === undefined || before === undefined) return Number.NaN;
  return rounded((after.memory - before.memory) / after.bots / 1_024);
}

function isAtRest({ linesPerS }: Counted): boolean {
  return linesPerS === 0;
}

function sameSite(a: Site, b: Site): boolean {
  return a.gateways === b.gateways && a.workers === b.workers && a.bots === b.bots && a.standbys === b.standbys;
}

function powerOfTwo(least: number): number {
  return 2 ** Math.ceil(Math.log2(least));
}

function power(of: number): string {
  return `10^${Math.log10(of)}`;
}

function shown(figure: number | string): string {
  return typeof figure === "number" ? figure.toLocaleString("en") : figure;
}

function amount(perS: number): string {
  return rounded(perS).toLocaleString("en");
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
