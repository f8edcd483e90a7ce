/**
 * The connections to the masters of a Cluster for one purpose, made when a slot of theirs is first asked for and ended
 * when they have none any more.
 */
import type { ClusterMap } from "./cluster-map.ts";
import type { ConnectionTools, Purpose } from "./connection.ts";
import { type ClusterPlace, dialNode } from "./place.ts";
import { ServerConnection } from "./server-connection.ts";

export interface ClusterNodesOptions extends ConnectionTools {
  readonly place: ClusterPlace;
  readonly map: ClusterMap;
  readonly purpose: Purpose;
  onMade(node: ServerConnection): void;
}

export class ClusterNodes {
  readonly #options: ClusterNodesOptions;
  readonly #nodes = new Map<string, ServerConnection>();

  constructor(options: ClusterNodesOptions) {
    this.#options = options;
    options.map.onChange(() => this.#endFormer());
  }

  /** Undefined while nobody is known to have the slot. */
  ofSlot(slot: number): ServerConnection | undefined {
    const address = this.#options.map.masterOf(slot);
    return address === undefined ? undefined : this.at(address);
  }

  at(address: string): ServerConnection {
    const known = this.#nodes.get(address);
    if (known) return known;
    const { place, map } = this.#options;
    const node = new ServerConnection({
      ...this.#options,
      address,
      dial: (options) => dialNode(place, address, options),
      onRefused: (words) => map.refused(words),
    });
    this.#nodes.set(address, node);
    node.onDown(() => map.suspect());
    this.#options.onMade(node);
    node.open().catch(() => undefined);
    return node;
  }

  close(): void {
    for (const node of this.#nodes.values()) node.close();
    this.#nodes.clear();
  }

  #endFormer(): void {
    const masters = new Set(this.#options.map.masters);
    for (const [address, node] of this.#nodes) {
      if (masters.has(address)) continue;
      this.#nodes.delete(address);
      node.close();
    }
  }
}
