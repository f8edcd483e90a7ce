/** A gateway pod of the simulation: the product's Gateway over the twins, with links in the place of sockets. */

import type { Backends } from "#common/backends/backends.ts";
import type { BotName } from "#common/contract/ids.ts";
import type { Topology } from "#common/contract/lanes.ts";
import { Lifecycle } from "#common/kernel/lifecycle.ts";
import type { Random } from "#common/kernel/random.ts";
import type { Log } from "#common/observe/logger.ts";
import type { Metrics } from "#common/observe/metrics.ts";
import { noTracing } from "#common/observe/tracing.ts";
import type { BotChannel, BotListener } from "#common/ports/bot-channel.ts";
import { Gateway } from "#gateway/gateway.ts";
import { bridge } from "#gateway/platforms/bridge/index.ts";
import type { FakeClock } from "#test/fixtures/fake-clock.ts";
import { Link } from "./link.ts";
import type { Process } from "./process.ts";

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
  /** A frame is given to the system. */
  readonly onBegun: (frame: Uint8Array) => void;
}

export class SimGateway {
  readonly process: Process;
  readonly #options: SimGatewayOptions;
  readonly #gateway: Gateway;
  readonly #lifecycle: Lifecycle;
  readonly #links = new Set<Link>();
  readonly #listeners = new Map<BotName, BotListener>();
  #isListening = true;
  #cutOffs = 0;

  constructor(options: SimGatewayOptions) {
    const { process, topology, random, log, metrics, backends } = options;
    this.process = process;
    this.#options = options;
    this.#lifecycle = new Lifecycle(process.clock, (part, err) => log.error({ part, err }, "did not stop"));
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
      writers: process.over(backends.writers),
      held: process.over(backends.held),
      markWrites: true,
      membership: process.over(backends.membership),
      approvals: { device: () => "approved", onDevice: () => {} },
      pings: { append: async () => {} },
      onLoss: (listener) => process.onLoss(listener),
      hmac: "warn",
      hmacKeys: [],
    });
  }

  start(): Promise<void> {
    return this.#lifecycle.start(this.#gateway.parts.filter(({ name }) => name !== "tcp listener"));
  }

  get isListening(): boolean {
    return this.#isListening && this.process.alive;
  }

  /** Of its open connections. */
  connections(): readonly string[] {
    return this.process.alive ? [...this.#gateway.seen()].map(({ id }) => id) : [];
  }

  kill(): void {
    this.process.kill();
    for (const link of [...this.#links]) link.cut();
  }

  /** As at SIGTERM. Never told of when it is killed meanwhile. */
  async shutDown(): Promise<void> {
    this.#isListening = false;
    await this.#lifecycle.stop();
    this.kill();
  }

  /** The store is out of reach for a while, and what it tells. */
  cutOff(ms: number): void {
    this.#cutOffs++;
    this.process.setCutOff(true);
    this.#options.world.after(ms, () => {
      if (--this.#cutOffs === 0) this.mend();
    });
  }

  mend(): void {
    if (!this.process.isCutOff || this.#cutOffs > 0) return;
    this.process.setCutOff(false);
    for (const listener of this.#listeners.values()) this.process.whenRunning(() => listener.onRenewed());
  }

  dial(onReadable: () => void): Link {
    const { world, random, onBegun } = this.#options;
    const { process } = this;
    const link: Link = new Link({
      ...{ world, random, process, onReadable, onBegun },
      onOver: () => this.#links.delete(link),
    });
    this.#links.add(link);
    process.whenRunning(() => link.open(this.#gateway.accept(link)));
    return link;
  }

  /** Pieces come late or not at all; a piece that is dropped makes no gap that the subscriber would hear of. */
  #lossy(channel: BotChannel): BotChannel {
    const { process, world, random, droppedPieces } = this.#options;
    const later = (run: () => void) => {
      if (!process.isCutOff) world.after(random.next() * 4, () => process.whenRunning(run));
    };
    const wrap = (listener: BotListener): BotListener => ({
      onPiece: (piece) => {
        if (random.next() >= droppedPieces()) later(() => listener.onPiece(piece));
      },
      // Lost as pieces are, and found in the same way.
      onTold: (told) => {
        if (random.next() >= droppedPieces()) later(() => listener.onTold(told));
      },
      onRenewed: () => later(() => listener.onRenewed()),
    });
    return {
      subscribe: async (bot, listener) => {
        await process.call(() => channel.subscribe(bot, wrap(listener)));
        this.#listeners.set(bot, listener);
      },
      unsubscribe: async (bot) => {
        await process.call(() => channel.unsubscribe(bot));
        this.#listeners.delete(bot);
      },
    };
  }
}
