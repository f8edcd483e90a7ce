/**
 * Accepts connections on one port, over TCP or over TLS, and hands each to its connection as a wire. Knows nothing of
 * the protocol that is spoken in it.
 *
 *   stopped ──start──> listening ──stop──> stopped (sockets that were accepted stay: their connections end them)
 *                      │       ^
 *                   full: shut └── room again
 *
 *   accepted ─┬─ from a proxy: PROXY header, bounded in bytes and time ─┬─ (TLS) ─> wire
 *             └─ from anybody else ─────────────────────────────────────┘
 *
 * A shortage of file descriptors or memory at accept is logged, at most once a second, and the listener goes on: phones
 * come again by themselves.
 */
import { createServer, type Server, type Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { limits } from "#common/contract/limits.ts";
import type { Clock } from "#common/kernel/clock.ts";
import { MoaError } from "#common/kernel/errors.ts";
import type { Part } from "#common/kernel/lifecycle.ts";
import type { Log } from "#common/observe/logger.ts";
import type { RefuseReason } from "#common/observe/metric-catalogue.ts";
import type { Metrics } from "#common/observe/metrics.ts";
import type { Wire, WireEnd } from "#gateway/connection/wire.ts";
import type { Capacity, Door } from "./capacity.ts";
import type { Certificate } from "./certificate.ts";
import { within } from "./networks.ts";
import { readProxyHeader } from "./proxy-protocol.ts";
import { TcpWire } from "./tcp-wire.ts";

export interface TcpListenerOptions {
  readonly host: string;
  /** 0 = any free one; `port` tells which. */
  readonly port: number;
  /** Networks, as 10.0.0.0/8, whose connections must begin with a PROXY header. */
  readonly proxyProtocolFrom: readonly string[];
  /** Absent: without TLS. Started before the listener. */
  readonly certificate?: Certificate;
  readonly capacity: Capacity;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly log: Log;
  accept(wire: Wire): WireEnd;
}

export class TcpListener implements Part, Door {
  readonly name: string;
  readonly #options: TcpListenerOptions;
  readonly #server: Server;
  readonly #isProxy: (address: string) => boolean;
  /** As asked for, and after the start as it is: it must not change when the door opens again. */
  #port: number;
  #state: "stopped" | "listening" | "shut" = "stopped";
  #complainedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: TcpListenerOptions) {
    this.#options = options;
    this.name = options.certificate === undefined ? "tcp listener" : "tls listener";
    this.#port = options.port;
    this.#isProxy = within(options.proxyProtocolFrom);
    // A small high-water mark: what a paused socket holds in this process counts against the gateway's memory.
    const socketOptions = { noDelay: true, keepAlive: true, keepAliveInitialDelay: limits.pingIdleMsMax };
    this.#server = createServer({ ...socketOptions, allowHalfOpen: false, highWaterMark: 16 * 1024 }, (socket) =>
      this.#accept(socket),
    );
    options.capacity.add(this);
  }

  get port(): number {
    return this.#port;
  }

  /** False while the pod has all its connections. */
  get isListening(): boolean {
    return this.#state === "listening";
  }

  /** @throws MoaError config_invalid when the address cannot be listened on */
  start(): Promise<void> {
    const { host, port } = this.#options;
    return new Promise((resolve, reject) => {
      const failed = (cause: Error) =>
        reject(new MoaError("config_invalid", `cannot listen on ${host}:${port} (${cause.message})`, { cause }));
      this.#server.once("error", failed);
      this.#listen(() => {
        this.#server.off("error", failed);
        this.#server.on("error", (error) => this.#failed(error));
        const address = this.#server.address();
        if (typeof address === "object" && address !== null) this.#port = address.port;
        resolve();
      });
    });
  }

  async stop(): Promise<void> {
    this.shut();
    this.#state = "stopped";
  }

  /** What the system has accepted for us and we have not yet taken is reset: those peers know at once. */
  shut(): void {
    if (this.#state !== "listening") return;
    this.#state = "shut";
    // Its callback would wait for the sockets, which end later.
    this.#server.close();
  }

  reopen(): void {
    if (this.#state === "shut") this.#listen();
  }

  #listen(onListening?: () => void): void {
    this.#state = "listening";
    this.#server.listen({ host: this.#options.host, port: this.#port, backlog: 4096 }, onListening);
  }

  #accept(socket: Socket): void {
    const { capacity } = this.#options;
    capacity.entered();
    socket.once("close", () => capacity.left());
    if (this.#isProxy(socket.remoteAddress ?? "")) this.#awaitHeader(socket);
    else this.#serve(socket, peerOf(socket), true);
  }

  #awaitHeader(socket: Socket): void {
    let received = Buffer.alloc(0);
    const refuse = (reason: RefuseReason, detail: string) => {
      this.#refused(socket, reason, detail);
      socket.resetAndDestroy();
    };
    const cancel = this.#options.clock.after(limits.proxyHeaderMsMax, () => refuse("proxy_header_timeout", ""));
    const read = (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      const header = readProxyHeader(received);
      if (header.kind === "incomplete") return;
      if (header.kind === "wrong") return refuse("proxy_header_invalid", header.detail);
      cancel();
      socket.off("data", read).off("error", ignore).off("close", cancel).pause();
      if (header.bytes < received.length) socket.unshift(received.subarray(header.bytes));
      this.#serve(socket, header.source ?? peerOf(socket), false);
    };
    socket.on("data", read).on("error", ignore).on("close", cancel);
  }

  /** @param isDirect no PROXY header may come: its sender is nobody whom we believe */
  #serve(raw: Socket, peer: string, isDirect: boolean): void {
    const { certificate, clock, capacity, metrics, accept } = this.#options;
    metrics.connectionsOpened.inc(1, { transport: certificate === undefined ? "tcp" : "tls" });
    const { context } = certificate ?? {};
    // The handshake of TLS needs no time of its own: the connection's identity has to come within its own.
    const socket = context === undefined ? raw : new TLSSocket(raw, { isServer: true, secureContext: context });
    const wire = new TcpWire({ socket, raw, peer, isDirect, clock, capacity });
    wire.open(accept(wire));
  }

  #refused(socket: Socket, reason: RefuseReason, detail: string): void {
    this.#options.metrics.connectionsRefused.inc(1, { reason });
    this.#complain({ peer: peerOf(socket), reason, detail }, "a connection was refused");
  }

  /** An accept that failed, or the port, given back while the door was shut, is somebody else's now. */
  #failed(error: Error): void {
    this.#complain({ err: error }, "a connection could not be accepted");
    if (this.#server.listening || this.#state !== "listening") return;
    this.#state = "shut";
    this.#options.clock.after(limits.listenAgainMs, () => this.reopen());
  }

  #complain(what: object, says: string): void {
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - this.#complainedAtMs < 1_000) return;
    this.#complainedAtMs = nowMs;
    this.#options.log.error(what, says);
  }
}

function ignore(): void {}

/** An IPv4 peer of a socket that listens on both is told as the IPv4 address that it is. */
function peerOf({ remoteAddress = "gone", remotePort = 0 }: Socket): string {
  return `${remoteAddress.replace(/^::ffff:(?=\d+[.])/, "")}:${remotePort}`;
}
