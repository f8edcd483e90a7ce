/**
 * Accepts TCP connections and hands each to its connection as a wire. Knows nothing of protocols.
 *
 *   stopped ──start──> listening ──stop──> stopped (sockets that were accepted stay: their connections end them)
 *
 * A shortage of file descriptors or memory at accept is logged, at most once a second, and the listener goes on: phones
 * come again by themselves.
 */
import { createServer, type Server, type Socket } from "node:net";
import { limits } from "#common/contract/limits.ts";
import type { Clock } from "#common/kernel/clock.ts";
import { MoaError } from "#common/kernel/errors.ts";
import type { Part } from "#common/kernel/lifecycle.ts";
import type { Log } from "#common/observe/logger.ts";
import type { Metrics } from "#common/observe/metrics.ts";
import type { Wire, WireEnd } from "#gateway/connection/wire.ts";
import { TcpWire } from "./tcp-wire.ts";

export interface TcpListenerOptions {
  readonly host: string;
  /** 0 = any free one; `port` tells which. */
  readonly port: number;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly log: Log;
  accept(wire: Wire): WireEnd;
}

export class TcpListener implements Part {
  readonly name = "tcp listener";
  readonly #options: TcpListenerOptions;
  readonly #server: Server;
  #complainedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: TcpListenerOptions) {
    this.#options = options;
    // A small high-water mark: what a paused socket holds in this process counts against the gateway's memory.
    const socketOptions = { noDelay: true, keepAlive: true, keepAliveInitialDelay: limits.pingEveryMs };
    this.#server = createServer({ ...socketOptions, allowHalfOpen: false, highWaterMark: 16 * 1024 }, (socket) =>
      this.#accept(socket),
    );
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  /** @throws MoaError config_invalid when the address cannot be listened on */
  start(): Promise<void> {
    const { host, port } = this.#options;
    return new Promise((resolve, reject) => {
      const failed = (cause: Error) =>
        reject(new MoaError("config_invalid", `cannot listen on ${host}:${port} (${cause.message})`, { cause }));
      this.#server.once("error", failed);
      this.#server.listen({ host, port, backlog: 4096 }, () => {
        this.#server.off("error", failed);
        this.#server.on("error", (error) => this.#complain(error));
        resolve();
      });
    });
  }

  async stop(): Promise<void> {
    // Its callback would wait for the sockets, which end later.
    this.#server.close();
  }

  #accept(socket: Socket): void {
    const { clock, metrics, accept } = this.#options;
    metrics.connectionsOpened.inc(1, { transport: "tcp" });
    const wire = new TcpWire(socket, clock, metrics);
    wire.open(accept(wire));
  }

  #complain(error: Error): void {
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - this.#complainedAtMs < 1_000) return;
    this.#complainedAtMs = nowMs;
    this.#options.log.error({ err: error }, "a connection could not be accepted");
  }
}
