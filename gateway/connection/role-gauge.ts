import type { Metrics } from "#common/observe/metrics.ts";
import type { ConnectionRole, Transport } from "#common/observe/zombie-metrics.ts";

/** Keeps moa_connections right for one connection: it is counted under one role, or after its end under none. */
export class RoleGauge {
  readonly #metrics: Pick<Metrics, "connections">;
  readonly #transport: Transport;
  #role: ConnectionRole | null = null;

  constructor(metrics: Pick<Metrics, "connections">, transport: Transport) {
    this.#metrics = metrics;
    this.#transport = transport;
  }

  get role(): ConnectionRole | null {
    return this.#role;
  }

  set(role: ConnectionRole | null): void {
    if (role === this.#role) return;
    const transport = this.#transport;
    if (this.#role !== null) this.#metrics.connections.inc(-1, { role: this.#role, transport });
    if (role !== null) this.#metrics.connections.inc(1, { role, transport });
    this.#role = role;
  }
}
