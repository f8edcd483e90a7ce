import type { Metrics } from "#common/observe/metrics.ts";

/** Unadmitted: identified, and not (yet) one of the bot's own, whatever delivery would make of it. */
export type Role = "handshaking" | "unadmitted" | "writer" | "standby";

/** Keeps moa_connections right for one connection: it is counted under one role, or after its end under none. */
export class RoleGauge {
  readonly #metrics: Pick<Metrics, "connections">;
  #role: Role | null = null;

  constructor(metrics: Pick<Metrics, "connections">) {
    this.#metrics = metrics;
  }

  get role(): Role | null {
    return this.#role;
  }

  set(role: Role | null): void {
    if (role === this.#role) return;
    if (this.#role !== null) this.#metrics.connections.inc(-1, { role: this.#role, transport: "tcp" });
    if (role !== null) this.#metrics.connections.inc(1, { role, transport: "tcp" });
    this.#role = role;
  }
}
