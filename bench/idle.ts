/**
 * `bench -- idle`: resident memory of one connection that says nothing. moa's are approved and subscribed, each a bot
 * of its own; the bare server's are sockets. Same Node flags, forced collections before every reading.
 */
import type { Bed, Pod } from "./bed.ts";
import type { Outcome } from "./echo.ts";
import { rounded } from "./figures.ts";
import { Load } from "./load-process.ts";
import { bareEcho, HERE, moaEnv } from "./variant.ts";

const FLAGS = ["--expose-gc", "--import", "./bench/memory-probe.ts"];
/** Code is compiled and pools are filled before the first reading. */
const WARM_CONNECTIONS = 500;
/** File descriptors of the gateway, with a few for itself, stay below the usual hard limit of 20,000. */
const CONNECTIONS_MAX = 19_000;

export async function idle(bed: Bed, connections: number): Promise<Outcome> {
  if (connections > CONNECTIONS_MAX) throw new Error(`--connections: ${CONNECTIONS_MAX} at most`);
  const bare = await bed.pod({ name: "bare", root: HERE, args: [...FLAGS, "bench/bare/echo.ts"] });
  const bareKib = await perConnection(bare, connections, async () => {});
  const env = moaEnv(bed, await bed.database("idle"), HERE);
  // Workers migrate; the gateway asks the database for its devices.
  await (await bed.pod({ name: "worker", root: HERE, args: ["workers/main.ts"], env })).child.stop();
  const moa = await bed.pod({ name: "gateway", root: HERE, args: [...FLAGS, "gateway/main.ts"], env });
  const moaKib = await perConnection(moa, connections, (open) => bed.subscribed(open));
  const ratio = rounded(moaKib / bareKib);
  const result = { bench: "idle", connections, moa_kib: rounded(moaKib), bare_kib: rounded(bareKib), ratio };
  const table = { moa: { kib_per_connection: result.moa_kib }, bare: { kib_per_connection: result.bare_kib } };
  return { result, table, failed: [] };
}

/** @param settled waits until so many connections are all that they will be */
async function perConnection(pod: Pod, connections: number, settled: (open: number) => Promise<void>): Promise<number> {
  const [warm, idle] = [new Load(), new Load()];
  const to = { step: "connect", port: pod.port, mark: bareEcho.mark, run: 0 } as const;
  try {
    await warm.order({ ...to, first: connections, sockets: WARM_CONNECTIONS });
    await settled(WARM_CONNECTIONS);
    const before = await rssKib(pod);
    await idle.order({ ...to, first: 0, sockets: connections });
    await settled(WARM_CONNECTIONS + connections);
    return ((await rssKib(pod)) - before) / connections;
  } finally {
    warm.end();
    idle.end();
    await pod.child.stop();
  }
}

async function rssKib(pod: Pod): Promise<number> {
  return (await pod.ask<{ readonly rssKib: number }>("rss")).rssKib;
}
