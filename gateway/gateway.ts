/**
 * The gateway pod: join -> listen -> serve -> drain -> stop. It wires sockets, connections, lanes and outboxes together
 * and decides nothing about any of them.
 *
 *   bytes ─ TcpListener ─ Connection ─┬─ Ingest ─ LaneQueues ─> lanes
 *                                     └─ Deliver ─ BotDelivery ─ Reign <─ outbox of the bot
 *
 * Drain, each step bounded: no new connections and no reading; what was read is appended; what was written is confirmed
 * and the tenures end; the sockets end; life ends. What a step could not finish is safe: lines not acknowledged are told
 * in the log, actions not confirmed stay in the outbox.
 *
 * Place kept for standbys: the hand-over to standbys on other pods, paced, comes before the tenures end.
 */
import type { Topology } from "#common/contract/lanes.ts";
import { limits } from "#common/contract/limits.ts";
import { type Clock, pause } from "#common/kernel/clock.ts";
import { Life } from "#common/kernel/life.ts";
import type { Part } from "#common/kernel/lifecycle.ts";
import type { Random } from "#common/kernel/random.ts";
import type { Log } from "#common/observe/logger.ts";
import type { Metrics } from "#common/observe/metrics.ts";
import type { Tracing } from "#common/observe/tracing.ts";
import type { BotChannel } from "#common/ports/bot-channel.ts";
import type { LaneAppender } from "#common/ports/lane-log.ts";
import type { Membership, Role } from "#common/ports/membership.ts";
import type { OutboxReader } from "#common/ports/outbox.ts";
import { Connection } from "./connection/connection.ts";
import { ConnectionTable } from "./connection/table.ts";
import type { Wire, WireEnd } from "./connection/wire.ts";
import { Confirmer } from "./flow/confirmer.ts";
import { Deliver } from "./flow/deliver.ts";
import { Ingest } from "./flow/ingest.ts";
import { LaneQueues } from "./flow/lane-queues.ts";
import { TcpListener } from "./listeners/tcp.ts";
import type { Platform } from "./platforms/platform.ts";

export interface GatewayOptions {
  readonly podName: string;
  readonly host: string;
  /** 0 = any free one. */
  readonly bridgePort: number;
  readonly botRatePerSecond: number;
  readonly roomRatePerSecond: number;
  /** The backends' reach: what one call may touch. */
  readonly topology: Topology;
  readonly platform: Platform;
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly tracing: Tracing;
  readonly appender: LaneAppender;
  readonly outboxReader: OutboxReader;
  readonly channel: BotChannel;
  readonly membership: Membership;
}

export class Gateway {
  /** Start in order, stop in reverse. */
  readonly parts: readonly Part[];
  readonly #options: GatewayOptions;
  readonly #table = new ConnectionTable<Connection>();
  readonly #life: Life<Role>;
  readonly #queues: LaneQueues;
  readonly #confirmer: Confirmer;
  readonly #ingest: Ingest;
  readonly #deliver: Deliver;
  readonly #listener: TcpListener;
  readonly #wiresEnded = new AbortController();
  #wires = 0;
  #draining = false;

  constructor(options: GatewayOptions) {
    const { host, clock, metrics } = options;
    const log = options.log.child({ tag: "SERVER" });
    const parts = { ...options, log, member: () => this.#life.member };
    this.#options = options;
    this.#life = this.#openLife(log);
    this.#queues = new LaneQueues(parts);
    this.#confirmer = new Confirmer({ ...parts, outbox: options.outboxReader });
    this.#ingest = new Ingest({ ...parts, queues: this.#queues, sources: () => this.#table.all() });
    this.#deliver = new Deliver({
      ...parts,
      outbox: options.outboxReader,
      newest: (bot) => this.#table.newest(bot),
      appendReceipt: (event) => this.#ingest.receipt(event),
      confirm: (confirmation) => this.#confirmer.confirm(confirmation),
    });
    const accept = (wire: Wire) => this.accept(wire);
    this.#listener = new TcpListener({ host, port: options.bridgePort, clock, metrics, log, accept });
    this.parts = this.#makeParts();
  }

  /** Only after the start. */
  get bridgePort(): number {
    return this.#listener.port;
  }

  get isDraining(): boolean {
    return this.#draining;
  }

  #makeParts(): readonly Part[] {
    return [
      { name: "life", start: () => this.#life.start(), stop: () => this.#life.stop(), stopMsMax: 1_000 },
      { name: "queues", stop: async () => this.#closeQueues() },
      { name: "sockets", stop: () => this.#closeSockets(), stopMsMax: limits.handoverMsMax },
      {
        name: "delivery",
        start: async () => this.#deliver.start(),
        stop: () => this.#deliver.stop(),
        stopMsMax: 2_000,
      },
      { name: "lanes", stop: () => this.#queues.idle(), stopMsMax: 3_000 },
      { name: "reading", stop: async () => this.#stopReading() },
      this.#listener,
    ];
  }

  #openLife(log: Log): Life<Role> {
    const { podName, clock, random, metrics, membership } = this.#options;
    return new Life({
      podName,
      role: "gateway",
      roll: membership,
      clock,
      random,
      lifeMs: limits.lifeMs,
      marginMs: limits.lifeMarginMs,
      renewEveryMs: limits.lifeRenewEveryMs,
      onReborn: (member) => {
        metrics.lifeLost.inc(1);
        log.warn({ member }, "life was lost; every bot is attached again");
        this.#deliver.reborn();
      },
      onError: (error) => log.warn({ err: error }, "life was not renewed"),
    });
  }

  /** A new connection, whatever carries it. */
  accept(wire: Wire): WireEnd {
    const { platform } = this.#options;
    const connection = new Connection({
      ...this.#options,
      wire,
      session: platform.open(),
      onIdentified: () => this.#identified(connection),
      onLine: (_, read) => this.#ingest.line(connection, read),
      onClosed: () => this.#closed(connection),
    });
    this.#wires++;
    this.#table.add(connection);
    connection.open();
    this.#ingest.opened(connection);
    if (this.#draining) connection.close("drain");
    return {
      onBytes: (chunk) => connection.onBytes(chunk),
      onEnded: (reason) => {
        connection.onEnded(reason);
        if (--this.#wires === 0 && this.#draining) this.#wiresEnded.abort();
      },
    };
  }

  #identified(connection: Connection): void {
    this.#table.identify(connection)?.close("replaced");
    this.#deliver.connected(connection.identity?.bot ?? "");
  }

  #closed(connection: Connection): void {
    this.#table.remove(connection);
    this.#ingest.closed(connection);
    if (connection.identity !== null) this.#deliver.closed(connection.identity.bot, connection);
  }

  #closeQueues(): void {
    this.#queues.close();
    this.#confirmer.close();
  }

  #stopReading(): void {
    this.#draining = true;
    for (const connection of this.#table.all()) connection.hold("drain");
  }

  async #closeSockets(): Promise<void> {
    if (this.#wires === 0) return;
    for (const connection of [...this.#table.all()]) connection.close("drain");
    await pause(this.#options.clock, limits.handoverMsMax, this.#wiresEnded.signal);
  }
}
