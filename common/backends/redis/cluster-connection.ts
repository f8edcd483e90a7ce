/**
 * A Cluster as one connection: each command goes to the node that has the slot of its first key, over a connection of
 * that node's own (server-connection.ts), so that the rules of connection.ts hold for each of them. ioredis' own Cluster
 * keeps none of them: it sends a command again after a lost connection, a MOVED or CLUSTERDOWN, up to 16 times, and holds
 * commands for a node that is just being connected in a queue without bound, which leaves before anybody can ask whether
 * that node has what the former one acknowledged.
 *
 * Nothing is redirected. MOVED corrects the map and fails the call; the caller's next try goes right. It would have to
 * fail anyway: who has the slot now may lack what the former acknowledged, and that is told first (`onLoss`). So no call
 * waits for a slot's next node either: made before that word, it would be carried out after it. ASK and TRYAGAIN fail,
 * too: our scripts touch several keys, which a slot that is half moved cannot serve.
 */
import { type Command, Redis } from "ioredis";
import { type ClusterMap, slotOf } from "./cluster-map.ts";
import { ClusterNodes, type ClusterNodesOptions } from "./cluster-nodes.ts";
import { type Argument, type Connection, type LossListener, runOn, type ServerCalls } from "./connection.ts";
import { unavailable } from "./faults.ts";
import { Losses } from "./losses.ts";
import type { Script } from "./scripts.ts";

export class ClusterConnection implements Connection {
  readonly #map: ClusterMap;
  readonly #nodes: ClusterNodes;
  readonly #losses: Losses;
  /** Makes commands of calls, and never connects: `#route` sends them. */
  readonly #router = new Redis({ lazyConnect: true });
  /** By slot in use: who acknowledged its last calls. */
  readonly #identities = new Map<number, string>();

  constructor(options: Omit<ClusterNodesOptions, "onMade">) {
    this.#map = options.map;
    this.#losses = new Losses(options);
    this.#nodes = new ClusterNodes({ ...options, onMade: (node) => node.onKnown(() => this.#compare()) });
    this.#map.onChange(() => this.#compare());
    this.#router.sendCommand = (command) => this.#route(command);
  }

  get ready(): boolean {
    return this.#map.isKnown;
  }

  open(): Promise<void> {
    return this.#map.open();
  }

  async call<T>(what: string, work: (redis: Redis) => Promise<T>): Promise<T> {
    try {
      return await work(this.#router);
    } catch (error) {
      throw unavailable(what, error as Error);
    }
  }

  run(script: Script, keys: readonly string[], args: readonly Argument[]): Promise<unknown> {
    return this.call("script", (redis) => runOn(redis, script, { keys, args }));
  }

  async servers(): Promise<readonly ServerCalls[]> {
    await this.open();
    const nodes = this.#map.masters.map((address) => this.#nodes.at(address));
    await Promise.all(nodes.map((node) => node.open()));
    return nodes;
  }

  onLoss(listener: LossListener): void {
    this.#losses.add(listener);
  }

  close(): void {
    this.#nodes.close();
  }

  #route(command: Command): Promise<unknown> {
    const slot = command.getSlot() as number | null;
    const node = slot === null ? undefined : this.#nodes.ofSlot(slot);
    if (slot === null || node === undefined) {
      this.#map.suspect();
      command.reject(new Error(`not connected: nobody has slot ${slot}`));
    } else if (node.isNew && !this.#identities.has(slot)) {
      node.open().then(() => this.#sendTo(node, slot, command), command.reject);
    } else {
      this.#sendTo(node, slot, command);
    }
    return command.promise;
  }

  #sendTo(node: ReturnType<ClusterNodes["at"]>, slot: number, command: Command): void {
    if (!this.#identities.has(slot)) this.#identities.set(slot, node.identity);
    node.send(command);
  }

  /** Whoever serves a slot now against whoever did. It is connected for that, also when nobody calls. */
  #compare(): void {
    const lost = new Set<number>();
    for (const [slot, former] of this.#identities) {
      const identity = this.#nodes.ofSlot(slot)?.identity ?? "";
      if (identity === "" || identity === former) continue;
      this.#identities.set(slot, identity);
      if (former !== "") lost.add(slot);
    }
    if (lost.size > 0) this.#losses.tell((key) => lost.has(slotOf(key)));
  }
}
