/** A gateway pod of the simulation: the product's Gateway over the twins, with wires in the place of sockets. */

import type { Backends } from "#common/backends/backends.ts";
import type { Topology } from "#common/contract/lanes.ts";
import type { Random } from "#common/kernel/random.ts";
import type { Log } from "#common/observe/logger.ts";
import type { CloseReason } from "#common/observe/metric-catalogue.ts";
import type { Metrics } from "#common/observe/metrics.ts";
import { noTracing } from "#common/observe/tracing.ts";
import type { BotChannel, BotListener } from "#common/ports/bot-channel.ts";
import type { Wire, WireEnd } from "#gateway/connection/wire.ts";
import { Gateway } from "#gateway/gateway.ts";
import { bridge } from "#gateway/platforms/bridge/index.ts";
import type { FakeClock } from "#test/fixtures/fake-clock.ts";
import type { Process } from "./process.ts";

export interface Dialler {
  bytes(frame: Uint8Array): void;
  /** The connection is gone, as the phone sees it. */
  lost(): void;
}

export interface SimGatewayOptions {
  readonly process: Process;
  readonly world: FakeClock;
  readonly random: Random;
  readonly topology: Topology;
  readonly backends: Backends;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Probability of a published piece not arriving at this pod. */
  readonly droppedPieces: () => number;
}

export class SimGateway {
  readonly process: Process;
  readonly #options: SimGatewayOptions;
  readonly #gateway: Gateway;
  readonly #wires = new Set<{ cut(): void }>();

  constructor(options: SimGatewayOptions) {
    const { process, topology, random, log, metrics, backends } = options;
    this.process = process;
    this.#options = options;
    this.#gateway = new Gateway({
      podName: process.name,
      host: "127.0.0.1",
      bridgePort: 0,
      tlsPort: 0,
      tlsCertFile: "",
      tlsKeyFile: "",
      proxyProtocolFrom: [],
      connectionsMax: 100_000,
      botRatePerSecond: 1_000,
      roomRatePerSecond: 1_000,
      topology,
      platform: bridge,
      clock: process.clock,
      random,
      metrics,
      log,
      tracing: noTracing,
      appender: process.over(backends.appender),
      outboxReader: process.over(backends.outboxReader),
      channel: this.#lossy(backends.channel),
      membership: process.over(backends.membership),
      approvals: { device: () => "approved", onDevice: () => {} },
      pings: { append: async () => {} },
      hmac: "warn",
      hmacKeys: [],
    });
  }

  async start(): Promise<void> {
    for (const part of this.#gateway.parts) if (part.name !== "tcp listener") await part.start?.();
  }

  kill(): void {
    this.process.kill();
    for (const wire of [...this.#wires]) wire.cut();
  }

  dial(dialler: Dialler): WireEnd {
    const { world, random } = this.#options;
    let open = true;
    let arrivesMs = 0;
    const cut = () => {
      if (!open) return;
      open = false;
      this.#wires.delete(line);
      world.after(1, () => dialler.lost());
    };
    const line = { cut };
    const ended = (reason: CloseReason) => {
      if (!open) return;
      cut();
      this.process.whenRunning(() => end.onEnded(reason));
    };
    const wire: Wire = {
      peer: "phone",
      bufferedBytes: 0,
      // What was given to a wire that is cut before it was delivered is shown or not: nobody at this end knows.
      write: (frame, onWritten) => {
        // In order, as TCP is.
        arrivesMs = Math.max(arrivesMs, world.monotonicMs() + random.next() * 3);
        world.after(arrivesMs - world.monotonicMs(), () => {
          if (!open) return;
          dialler.bytes(frame);
          this.process.whenRunning(() => onWritten?.());
        });
      },
      pause: () => {},
      resume: () => {},
      close: () => world.after(1, () => ended("closed_by_peer")),
      destroy: () => world.after(1, () => ended("closed_by_peer")),
    };
    const end = this.#gateway.accept(wire);
    this.#wires.add(line);
    return {
      onBytes: (chunk) => {
        if (open) this.process.whenRunning(() => end.onBytes(chunk));
      },
      onEnded: ended,
    };
  }

  /** Pieces come late or not at all; a piece that is dropped makes no gap that the subscriber would hear of. */
  #lossy(channel: BotChannel): BotChannel {
    const { process, world, random, droppedPieces } = this.#options;
    const later = (run: () => void) => world.after(random.next() * 4, () => process.whenRunning(run));
    const wrap = (listener: BotListener): BotListener => ({
      onPiece: (piece) => {
        if (random.next() >= droppedPieces()) later(() => listener.onPiece(piece));
      },
      onWriter: (tenure) => later(() => listener.onWriter(tenure)),
      onRenewed: () => later(() => listener.onRenewed()),
    });
    return {
      subscribe: (bot, listener) => process.call(() => channel.subscribe(bot, wrap(listener))),
      unsubscribe: (bot) => process.call(() => channel.unsubscribe(bot)),
    };
  }
}
