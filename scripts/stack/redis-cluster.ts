/**
 * A Redis Cluster of three masters with a replica each, private and on free ports. The nodes' files are written as they
 * would be after all had met: `redis-cli --cluster create` takes seconds, and wants the bus on the port 10,000 above.
 */
import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Child } from "./child.ts";
import { freePort } from "./free-port.ts";
import { redisServer } from "./redis.ts";
import { ask, type RedisNode, until } from "./redis-sentinel.ts";

const MASTERS = 3;
const SLOTS = 16_384;

export interface ClusterNode extends RedisNode {
  readonly id: string;
}

export interface ClusterSetup {
  readonly dir: string;
  /** After which a silent node is taken for dead. */
  readonly nodeTimeoutMs?: number;
  /** More of redis-server's own. */
  readonly settings?: readonly string[];
}

interface Spec {
  readonly id: string;
  readonly port: number;
  readonly busPort: number;
  /** Of its shard; the first of a shard is its master. */
  readonly shard: number;
}

export class RedisCluster {
  /** Masters first. */
  readonly nodes: readonly ClusterNode[];

  private constructor(nodes: readonly ClusterNode[]) {
    this.nodes = nodes;
  }

  /** Makes the directories; starts nothing. */
  static async prepare(setup: ClusterSetup): Promise<RedisCluster> {
    const specs = await Promise.all(
      Array.from({ length: 2 * MASTERS }, async (_, i): Promise<Spec> => {
        const id = randomBytes(20).toString("hex");
        return { id, port: await freePort(), busPort: await freePort(), shard: i % MASTERS };
      }),
    );
    return new RedisCluster(specs.map((spec) => nodeOf(setup, spec, specs)));
  }

  get addresses(): readonly string[] {
    return this.nodes.map(({ address }) => address);
  }

  /** Resolves when every node serves and every master has its replica. */
  async start(): Promise<void> {
    await Promise.all(this.nodes.map(({ child }) => child.start()));
    await this.untilWhole();
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map(({ child }) => child.kill()));
  }

  async untilWhole(): Promise<void> {
    await until(async () => {
      for (const { port } of this.nodes) {
        const info = String(await ask(port, ["cluster", "info"]));
        const replication = String(await ask(port, ["info", "replication"]));
        const isJoined = replication.includes("master_link_status:up") || replication.includes("state=online");
        if (!info.includes("cluster_state:ok") || !isJoined) return false;
      }
      return true;
    });
  }

  /** The master that has the key's slot, as most recently said by any node that answers. */
  async masterOf(key: string): Promise<ClusterNode> {
    const slot = await this.slotOf(key);
    for (const [from, to, [, , id]] of await this.#slots()) {
      if (from <= slot && slot <= to) return this.nodes.find((node) => node.id === id) as ClusterNode;
    }
    throw new Error(`nobody has slot ${slot}`);
  }

  async slotOf(key: string): Promise<number> {
    return Number(await ask((await this.#anyone()).port, ["cluster", "keyslot", key]));
  }

  /** As an operator would move the master's place to its replica. */
  async failover(master: ClusterNode): Promise<void> {
    // Not by CLUSTER SLOTS: it leaves out a replica that has nothing to replicate yet.
    const lines = (await ask(master.port, ["cluster", "replicas", master.id])) as string[];
    const replica = this.nodes.find(({ id }) => lines.some((line) => line.startsWith(id))) as ClusterNode;
    await ask(replica.port, ["cluster", "failover"]);
    await until(async () => (await this.#slots()).some(([, , [, , id]]) => id === replica.id));
  }

  /** Moves the key's slot with all that is in it. */
  async migrateSlot(key: string, to: ClusterNode): Promise<void> {
    const slot = await this.slotOf(key);
    const from = await this.masterOf(key);
    await ask(to.port, ["cluster", "setslot", slot, "importing", from.id]);
    await ask(from.port, ["cluster", "setslot", slot, "migrating", to.id]);
    for (;;) {
      const keys = (await ask(from.port, ["cluster", "getkeysinslot", slot, 100])) as string[];
      if (keys.length === 0) break;
      await ask(from.port, ["migrate", "127.0.0.1", to.port, "", 0, 2_000, "keys", ...keys]);
    }
    for (const node of [to, from]) await ask(node.port, ["cluster", "setslot", slot, "node", to.id]);
  }

  async #slots() {
    type Named = [host: string, port: number, id: string];
    type Row = [from: number, to: number, master: Named];
    return (await ask((await this.#anyone()).port, ["cluster", "slots"])) as Row[];
  }

  async #anyone(): Promise<ClusterNode> {
    for (const node of this.nodes) {
      const answer = node.child.pid === undefined ? "" : await ask(node.port, ["ping"]).catch(() => "");
      if (answer === "PONG") return node;
    }
    throw new Error("no node of the Cluster answers");
  }
}

function nodeOf(
  { dir, nodeTimeoutMs = 1_500, settings = [] }: ClusterSetup,
  spec: Spec,
  all: readonly Spec[],
): ClusterNode {
  const { id, port, busPort } = spec;
  const place = join(dir, `redis-${port}`);
  mkdirSync(place, { recursive: true, mode: 0o700 });
  const lines = all.map((other, i) => lineOf(other, i, { me: spec, all }));
  const epoch = `vars currentEpoch ${MASTERS} lastVoteEpoch 0`;
  writeFileSync(join(place, "nodes.conf"), `${[...lines, epoch].join("\n")}\n`);
  const child: Child = redisServer({
    name: `redis-${port}`,
    dir: place,
    port,
    logFile: join(place, "log"),
    settings: [
      ...["--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--cluster-announce-ip", "127.0.0.1"],
      ...["--cluster-port", `${busPort}`, "--cluster-node-timeout", `${nodeTimeoutMs}`],
      ...["--repl-diskless-sync-delay", "0", ...settings],
    ],
  });
  return { address: `127.0.0.1:${port}`, port, child, id };
}

/** As a node of 7.0 writes it: id, addresses, flags, master, ping, pong, epoch, link, slots. */
function lineOf(spec: Spec, index: number, { me, all }: { me: Spec; all: readonly Spec[] }): string {
  const isMaster = index < MASTERS;
  const flags = [...(spec === me ? ["myself"] : []), isMaster ? "master" : "slave"].join(",");
  const master = isMaster ? "-" : all[spec.shard]?.id;
  const first = Math.floor((SLOTS * spec.shard) / MASTERS);
  const last = Math.floor((SLOTS * (spec.shard + 1)) / MASTERS) - 1;
  const address = `127.0.0.1:${spec.port}@${spec.busPort}`;
  return `${spec.id} ${address} ${flags} ${master} 0 0 ${spec.shard + 1} connected${isMaster ? ` ${first}-${last}` : ""}`;
}
