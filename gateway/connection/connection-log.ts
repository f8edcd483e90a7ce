/**
 * What one connection logs, under its names. Not a child logger each: at 50,000 connections those are memory.
 */
import type { Clock } from "#common/kernel/clock.ts";
import type { Log } from "#common/observe/logger.ts";
import type { CloseReason } from "#common/observe/metric-catalogue.ts";
import type { Identity } from "#gateway/platforms/platform.ts";
import type { StrangerLog } from "./stranger-log.ts";

/** Ends that say nothing against the peer. Any other is our refusal, and somebody has to look at that phone. */
const ORDINARY: ReadonlySet<CloseReason> = new Set([
  "closed_by_peer",
  "socket_error",
  "replaced",
  "superseded",
  "drain",
  "operator",
]);

interface Named {
  readonly id: string;
  readonly identity: Identity | null;
}

export interface ConnectionLogOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly wire: { readonly peer: string };
  readonly strangers: StrangerLog;
}

export class ConnectionLog {
  readonly #of: Named;
  readonly #options: ConnectionLogOptions;
  #complainedAtMs = Number.NEGATIVE_INFINITY;

  constructor(of: Named, options: ConnectionLogOptions) {
    this.#of = of;
    this.#options = options;
  }

  say(level: "debug" | "info" | "warn" | "error", what: object, says: string): void {
    const { bot, device } = this.#of.identity ?? {};
    const { log, wire } = this.#options;
    log[level]({ tag: "CLIENT", connection: this.#of.id, peer: wire.peer, bot, device, ...what }, says);
  }

  refused({ bot, device }: Identity): void {
    this.say("warn", { refusedBot: bot, refusedDevice: device }, "a second identity was refused");
  }

  closed(reason: CloseReason, discarded: number): void {
    const untold = this.#of.identity === null ? this.#options.strangers.tell() : 0;
    if (untold === null) return;
    const more = untold > 0 ? { untold } : {};
    this.say(discarded > 0 || !ORDINARY.has(reason) ? "warn" : "info", { reason, discarded, ...more }, "closed");
  }

  /** A broken phone may send bad lines by the thousand: each is counted, one a second is logged. */
  complain({ fault, detail }: { readonly fault: string; readonly detail: string }): void {
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - this.#complainedAtMs < 1_000) return;
    this.#complainedAtMs = nowMs;
    const level = fault === "unknown_event" ? "warn" : "error";
    this.say(level, { tag: "MSG", fault, detail }, "a line could not be used");
  }
}
