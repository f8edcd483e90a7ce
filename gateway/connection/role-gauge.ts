import type { Metrics } from "#common/observe/metrics.ts";
import type { ConnectionRole } from "#common/observe/zombie-metrics.ts";

/** Keeps moa_connections right for one connection: it is counted under one role, or after its end under none. */
export class RoleGauge {
  readonly #metrics: Pick<Metrics, "connections">;
  #role: ConnectionRole | null = null;

  constructor(metrics: Pick<Metrics, "connections">) {
    this.#metrics = metrics;
  }

  get role(): ConnectionRole | null {
    return this.#role;
  }

  set(role: ConnectionRole | null): void {
    if (role === this.#role) return;
    if (this.#role !== null) this.#metrics.connections.inc(-1, { role: this.#role, transport: "tcp" });
    if (role !== null) this.#metrics.connections.inc(1, { role, transport: "tcp" });
    this.#role = role;
  }
}
