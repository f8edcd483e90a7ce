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
import type { SeenConnection } from "#common/observe/connection-routes.ts";
import type { Log } from "#common/observe/logger.ts";
import type { Metrics } from "#common/observe/metrics.ts";
import type { Tracing } from "#common/observe/tracing.ts";
import type { BotChannel } from "#common/ports/bot-channel.ts";
import type { LaneAppender } from "#common/ports/lane-log.ts";
import type { Membership, Role } from "#common/ports/membership.ts";
import type { OutboxReader } from "#common/ports/outbox.ts";
import type { PingStore } from "#common/ports/pings.ts";
import { Connection } from "./connection/connection.ts";
import { HeldBytes } from "./connection/held-bytes.ts";
import { ConnectionTable } from "./connection/table.ts";
import type { Wire, WireEnd } from "./connection/wire.ts";
import { Admission, isRefusal, type KnownDevices } from "./flow/admission.ts";
import { Confirmer } from "./flow/confirmer.ts";
import { Deliver } from "./flow/deliver.ts";
import { Ingest } from "./flow/ingest.ts";
import { LaneQueues } from "./flow/lane-queues.ts";
import { type PolicySettings, policiesOf } from "./flow/signing-policy.ts";
import { VitalsRecord } from "./flow/vitals.ts";
import { Capacity } from "./listeners/capacity.ts";
import { Certificate } from "./listeners/certificate.ts";
import { within } from "./listeners/networks.ts";
import { TcpListener } from "./listeners/tcp.ts";
import type { Platform, Proof } from "./platforms/platform.ts";

export interface GatewayOptions extends PolicySettings {
  readonly podName: string;
  readonly host: string;
  /** 0 = any free one. */
  readonly bridgePort: number;
  /** The bridge over TLS as well; without a certificate's file it is not opened. */
  readonly tlsPort: number;
  readonly tlsCertFile: string;
  readonly tlsKeyFile: string;
  readonly proxyProtocolFrom: readonly string[];
  readonly connectionsMax: number;
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
  readonly approvals: KnownDevices;
  readonly pings: Pick<PingStore, "append">;
}

export class Gateway {
  /** Start in order, stop in reverse. */
  readonly parts: readonly Part[];
  readonly #options: GatewayOptions;
  readonly #table = new ConnectionTable<Connection>();
  readonly #life: Life<Role>;
  readonly #queues: LaneQueues;
  readonly #confirmer: Confirmer;
  readonly #admission: Admission<Connection>;
  readonly #ingest: Ingest;
  readonly #deliver: Deliver;
  readonly #vitals: VitalsRecord;
  readonly #held: HeldBytes;
  readonly #listeners: Listeners;
  readonly #wiresEnded = new AbortController();
  #wires = 0;
  #draining = false;

  constructor(options: GatewayOptions) {
    const log = options.log.child({ tag: "SERVER" });
    const parts = { ...options, log, member: () => this.#life.member };
    this.#options = options;
    this.#life = this.#openLife(log);
    this.#queues = new LaneQueues(parts);
    this.#confirmer = new Confirmer({ ...parts, outbox: options.outboxReader });
    this.#admission = new Admission({
      ...parts,
      verify: options.platform.verify,
      policyOf: policiesOf(options, within),
      onAdmitted: (connection, replaced) => this.#admitted(connection, replaced),
      onDismissed: (connection) => this.#dismissed(connection),
    });
    this.#ingest = new Ingest({ ...parts, queues: this.#queues, sources: () => this.#table.all() });
    this.#deliver = new Deliver({
      ...parts,
      outbox: options.outboxReader,
      newest: (bot) => this.#table.newest(bot),
      appendReceipt: (event) => this.#ingest.receipt(event),
      confirm: (confirmation) => this.#confirmer.confirm(confirmation),
    });
    this.#vitals = new VitalsRecord(parts);
    this.#held = new HeldBytes(options.metrics);
    this.#listeners = listenersOf({ ...options, log }, (wire) => this.accept(wire));
    this.parts = this.#makeParts();
  }

  /** Only after the start. */
  get ports(): Readonly<Record<string, number>> {
    const { tcp, tls } = this.#listeners;
    return { bridge: tcp.port, ...(tls && { tls: tls.port }) };
  }

  /** For operators. */
  *seen(): Iterable<SeenConnection> {
    for (const connection of this.#table.all()) {
      const { id, address, role, ageSeconds, identity } = connection;
      const { bot = null, device = null, version = null } = identity ?? {};
      const about = this.#admission.about(connection);
      yield { id, bot, device, version, address, role: role ?? "closed", ...about, ageMs: ageSeconds * 1_000 };
    }
  }

  get isDraining(): boolean {
    return this.#draining;
  }

  #makeParts(): readonly Part[] {
    return [
      { name: "life", start: () => this.#life.start(), stop: () => this.#life.stop(), stopMsMax: 1_000 },
      this.#vitals,
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
      ...Object.values(this.#listeners),
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
    const connection: Connection = new Connection({
      ...this.#options,
      wire,
      session: platform.open(),
      held: this.#held,
      onIdentified: (_, identity) => this.#admission.identified(connection, identity),
      believes: (_, proof) => this.#believes(connection, proof),
      onLine: (_, read) => this.#ingest.line(connection, read, this.#admission.judge(connection, read)),
      onVitals: (_, vitals, rttSeconds) => this.#vitals.take(connection, vitals, rttSeconds),
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

  #believes(connection: Connection, proof: Proof | null): boolean {
    return !isRefusal(this.#admission.judge(connection, { proof, receivedAt: this.#options.clock.nowMs() }));
  }

  #admitted(connection: Connection, replaced: readonly Connection[]): void {
    this.#table.admit(connection);
    for (const old of replaced) old.close("replaced");
    this.#deliver.connected(connection.identity?.bot ?? "");
  }

  #dismissed(connection: Connection): void {
    this.#table.dismiss(connection);
    this.#deliver.closed(connection.identity?.bot ?? "", connection);
  }

  #closed(connection: Connection): void {
    this.#table.remove(connection);
    this.#admission.closed(connection);
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

interface Listeners {
  readonly certificate?: Certificate;
  readonly tls?: TcpListener;
  readonly tcp: TcpListener;
}

/** In the order in which they start. */
function listenersOf(options: GatewayOptions, accept: (wire: Wire) => WireEnd): Listeners {
  const shared = { ...options, capacity: new Capacity(options), accept };
  const tcp = new TcpListener({ ...shared, port: options.bridgePort });
  if (options.tlsCertFile === "") return { tcp };
  const certificate = new Certificate(options);
  return { certificate, tls: new TcpListener({ ...shared, port: options.tlsPort, certificate }), tcp };
}
