/**
 * A pod's face to its operators: /livez, /readyz, /startupz, /metrics, and the door to /admin/*. It starts first and stops
 * last, on a port that no phone reaches. node:http and no framework: the probes must not queue behind one.
 *
 * /livez knows only the event loop. It never asks Redis or MySQL: their blip must not restart every pod at once. A loop
 * that is stuck for good answers nothing and is found by the probe's own timeout; what /livez adds is the loop that
 * answers now and then, between blocks of `LAG_MS_MAX` and more, `LATE_TICKS_MAX` times in a row.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Clock } from "../kernel/clock.ts";
import { MoaError } from "../kernel/errors.ts";
import type { Part } from "../kernel/lifecycle.ts";
import type { AdminDoor } from "./admin-door.ts";
import type { Log } from "./logger.ts";

const TICK_MS = 1_000;
const LAG_MS_MAX = 10_000;
const LATE_TICKS_MAX = 3;
const REQUEST_MS_MAX = 5_000;
const CONNECTIONS_MAX = 64;

export interface OpsServerOptions {
  readonly host: string;
  /** 0 = any free one; `port` tells which. */
  readonly port: number;
  readonly clock: Clock;
  readonly log: Log;
  /** False while this pod should get no new connections: not started, draining, or full. Redis away is no reason. */
  ready(): boolean;
  started(): boolean;
  readonly metrics: { expose(): Promise<string>; readonly contentType: string };
  /** Absent: /admin/* does not exist. */
  readonly admin?: AdminDoor | undefined;
}

export class OpsServer implements Part {
  readonly name = "ops";
  readonly #options: OpsServerOptions;
  #server: Server | undefined;
  #lateTicks = 0;
  #cancelTick = () => {};

  constructor(options: OpsServerOptions) {
    this.#options = options;
  }

  /** The port in use: another than asked for when that was 0, once started. */
  get port(): number {
    const address = this.#server?.address() as AddressInfo | undefined;
    return address?.port ?? this.#options.port;
  }

  /** @throws MoaError server_unfit when the port is taken or not ours to open */
  async start(): Promise<void> {
    const { host, port } = this.#options;
    const server = createServer(
      { headersTimeout: REQUEST_MS_MAX, requestTimeout: REQUEST_MS_MAX, keepAliveTimeout: REQUEST_MS_MAX },
      (request, response) => void this.#answer(request, response),
    );
    server.maxConnections = CONNECTIONS_MAX;
    await new Promise<void>((resolve, reject) => {
      server.once("error", (cause) => {
        reject(new MoaError("server_unfit", `the ops port ${host}:${port} cannot be opened`, { cause }));
      });
      server.listen(port, host, resolve);
    });
    this.#server = server;
    this.#watchLag();
  }

  async stop(): Promise<void> {
    this.#cancelTick();
    const closed = new Promise<void>((resolve) => this.#server?.close(() => resolve()));
    this.#server?.closeAllConnections();
    await closed;
  }

  #watchLag(): void {
    const { clock } = this.#options;
    const due = clock.monotonicMs() + TICK_MS;
    this.#cancelTick = clock.after(TICK_MS, () => {
      this.#lateTicks = clock.monotonicMs() - due > LAG_MS_MAX ? this.#lateTicks + 1 : 0;
      this.#watchLag();
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [status, type, body] = await this.#page(request).catch((error: unknown) => {
      this.#options.log.error({ tag: "OPS", err: error }, "metrics could not be written out");
      return [500, "text/plain", "failed\n"] as const;
    });
    response.writeHead(status, { "content-type": type, "cache-control": "no-store" }).end(body);
  }

  async #page(request: IncomingMessage): Promise<readonly [status: number, type: string, body: string]> {
    const { admin } = this.#options;
    if (admin?.isFor(request)) {
      const { status, body } = await admin.answer(request);
      return [status, "application/json", `${body}\n`];
    }
    if (request.method !== "GET") return [405, "text/plain", "GET only\n"];
    const path = request.url?.split("?", 1)[0];
    if (path === "/livez") return verdict(this.#lateTicks < LATE_TICKS_MAX);
    if (path === "/readyz") return verdict(this.#options.ready());
    if (path === "/startupz") return verdict(this.#options.started());
    if (path !== "/metrics") return [404, "text/plain", "there are /livez /readyz /startupz /metrics\n"];
    return [200, this.#options.metrics.contentType, await this.#options.metrics.expose()];
  }
}

function verdict(good: boolean): [number, string, string] {
  return good ? [200, "text/plain", "ok\n"] : [503, "text/plain", "no\n"];
}
