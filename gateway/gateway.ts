/**
 * The gateway pod: join -> listen -> serve -> drain -> stop. It wires sockets, connections, lanes and outboxes together
 * and decides nothing about any of them.
 *
 *   bytes ─ TcpListener ─ Connection ─┬─ Ingest ─ LaneQueues ─> lanes
 *                                     └─ Deliver ─ BotDelivery ─ Seat ─ Reign <─ outbox of the bot
 *
 * Stop, each step bounded: no new connections; the drain (drain.ts); what was read is appended; the sockets that are left
 * end; life ends. What a step could not finish is safe: lines not acknowledged are told in the log, actions not confirmed
 * stay in the outbox.
 */
import type { BotName, ConnectionId } from "#common/contract/ids.ts";
import type { Topology } from "#common/contract/lanes.ts";
import { limits } from "#common/contract/limits.ts";
import { type Clock, pause } from "#common/kernel/clock.ts";
import type { Part } from "#common/kernel/lifecycle.ts";
import type { Random } from "#common/kernel/random.ts";
import type { SeenConnection } from "#common/observe/connection-routes.ts";
import type { Log } from "#common/observe/logger.ts";
import type { CloseReason } from "#common/observe/metric-catalogue.ts";
import type { Metrics } from "#common/observe/metrics.ts";
import type { Tracing } from "#common/observe/tracing.ts";
import type { BotChannel } from "#common/ports/bot-channel.ts";
import type { HeldActions } from "#common/ports/held-actions.ts";
import type { LaneAppender } from "#common/ports/lane-log.ts";
import type { Membership } from "#common/ports/membership.ts";
import type { OutboxReader } from "#common/ports/outbox.ts";
import type { PingStore } from "#common/ports/pings.ts";
import type { WriterDirectory } from "#common/ports/writer-directory.ts";
import { evidenceOf } from "./connection/close-evidence.ts";
import { Connection } from "./connection/connection.ts";
import { connectionGauges } from "./connection/connection-gauges.ts";
import { HeldBytes } from "./connection/held-bytes.ts";
import { StrangerLog } from "./connection/stranger-log.ts";
import type { Wire, WireEnd } from "./connection/wire.ts";
import type { WriterConnection } from "./connection/writer-connection.ts";
import { Drain } from "./drain.ts";
import { Admission, isRefusal, type KnownDevices } from "./flow/admission.ts";
import { whenCaughtUp } from "./flow/catching-up.ts";
import { Confirmer } from "./flow/confirmer.ts";
import { Deliver } from "./flow/deliver.ts";
import { HeldBacklog } from "./flow/held-backlog.ts";
import { Ingest } from "./flow/ingest.ts";
import { LaneQueues } from "./flow/lane-queues.ts";
import { type PolicySettings, policiesOf } from "./flow/signing-policy.ts";
import { VitalsRecord } from "./flow/vitals.ts";
import { type Listeners, listenersOf } from "./listeners/listeners.ts";
import { within } from "./listeners/networks.ts";
import type { Platform, Proof } from "./platforms/platform.ts";
import { PodLife } from "./pod-life.ts";

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
  readonly writers: WriterDirectory;
  readonly held: HeldActions;
  readonly membership: Membership;
  /** Frames of actions say under which tenure and when they were written, in fields that phones ignore. */
  readonly markWrites: boolean;
  readonly approvals: KnownDevices;
  readonly pings: Pick<PingStore, "append">;
  /** Told when Redis may have lost what it acknowledged in these shards and tags of the reach. */
  onLoss(listener: (shards: readonly number[], tags: readonly number[]) => void): void;
}

export class Gateway {
  /** Start in order, stop in reverse. */
  readonly parts: readonly Part[];
  readonly #options: GatewayOptions;
  readonly #table = new Map<ConnectionId, Connection>();
  readonly #life: PodLife;
  readonly #queues: LaneQueues;
  readonly #confirmer: Confirmer;
  readonly #admission: Admission<Connection>;
  readonly #ingest: Ingest;
  readonly #deliver: Deliver;
  readonly #vitals: VitalsRecord;
  /** What all connections have part in. */
  readonly #shared: { readonly held: HeldBytes; readonly strangers: StrangerLog };
  readonly #drain: Drain;
  readonly #listeners: Listeners;
  readonly #wiresEnded = new AbortController();
  #wires = 0;

  constructor(options: GatewayOptions) {
    const log = options.log.child({ tag: "SERVER" });
    const parts = { ...options, log, member: () => this.#life.member, isAlive: () => this.#life.isValid };
    this.#options = options;
    this.#life = new PodLife({ ...parts, onReborn: (member) => this.#reborn(member) });
    this.#queues = new LaneQueues(parts);
    this.#confirmer = new Confirmer({ ...parts, outbox: options.outboxReader });
    this.#admission = new Admission({
      ...parts,
      log: options.log.child({ tag: "CLIENT" }),
      verify: options.platform.verify,
      policyOf: policiesOf(options, within),
      onAdmitted: (connection, replaced) => this.#admitted(connection, replaced),
      onDismissed: (connection) => this.#dismissed(connection),
    });
    this.#ingest = new Ingest({ ...parts, queues: this.#queues, sources: () => this.#table.values() });
    this.#deliver = new Deliver({
      ...parts,
      log: options.log.child({ tag: "WRITER" }),
      outbox: options.outboxReader,
      appendReceipt: (event) => this.#ingest.receipt(event),
      confirm: (confirmation) => this.#confirmer.confirm(confirmation),
      onLost: (connection) => this.#lost(connection),
      onSettled: () => this.#ingest.settled(),
    });
    this.#vitals = new VitalsRecord(parts);
    this.#shared = { held: new HeldBytes(options), strangers: new StrangerLog(options.clock) };
    this.#drain = this.#makeDrain(options.log);
    this.#listeners = listenersOf({ ...options, log }, (wire) => this.accept(wire));
    options.onLoss((shards, tags) => this.#redisLost(shards, tags));
    this.parts = this.#makeParts();
  }

  /** Only after the start. */
  get ports(): Readonly<Record<string, number>> {
    const { tcp, tls } = this.#listeners;
    return { bridge: tcp.port, ...(tls && { tls: tls.port }) };
  }

  /** For operators. */
  *seen(): Iterable<SeenConnection> {
    for (const connection of this.#table.values()) {
      const { id, address, role, handshake, identity } = connection;
      const { bot = null, device = null, version = null } = identity ?? {};
      const about = this.#admission.about(connection);
      yield {
        id,
        bot,
        device,
        version,
        address,
        role: role ?? "closed",
        ...about,
        ageMs: handshake.ageSeconds * 1_000,
      };
    }
  }

  /** Not ended yet. */
  get connections(): number {
    return this.#table.size;
  }

  /** Takes new connections. */
  get isReady(): boolean {
    return !this.isDraining && this.#listeners.tcp.isListening;
  }

  get isDraining(): boolean {
    return this.#drain.hasBegun;
  }

  /** Gives all bots and connections to other pods, and takes no new ones; the pod itself goes on. */
  async drain(): Promise<void> {
    const { tcp, tls } = this.#listeners;
    await Promise.all([tcp.stop(), tls?.stop()]);
    await this.#drain.run();
  }

  #makeParts(): readonly Part[] {
    return [
      this.#life,
      this.#vitals,
      new HeldBacklog(this.#options),
      connectionGauges(this.#options, () => this.#table.values()),
      { name: "queues", stop: async () => this.#closeQueues() },
      { name: "sockets", stop: () => this.#closeSockets(), stopMsMax: limits.handoverMsMax },
      {
        name: "delivery",
        start: async () => this.#deliver.start(),
        stop: () => this.#deliver.stop(),
        stopMsMax: 2_000,
      },
      { name: "lanes", stop: () => this.#queues.idle(), stopMsMax: 3_000 },
      { name: "drain", stop: () => this.#drain.run(), stopMsMax: limits.drainMsMax },
      ...Object.values(this.#listeners),
    ];
  }

  #makeDrain(log: Log): Drain {
    return new Drain({
      ...this.#options,
      log,
      connections: () => this.#table.values(),
      bots: () => this.#deliver.bots(),
      handOver: (bot) => this.#deliver.handOver(bot),
    });
  }

  /** Tenures are taken again before the next write, and what Redis may still say of the old ones is a dead pod's. */
  #redisLost(shards: readonly number[], tags: readonly number[]): void {
    void this.#queues.lost(shards);
    this.#confirmer.lost(tags);
    this.#deliver.lost(tags);
    if (tags.length > 0) this.#life.renounce();
  }

  #reborn(member: string): void {
    this.#ingest.lapsed();
    this.#deliver.reborn(member);
  }

  #lost(connection: WriterConnection): void {
    this.#ingest.lost(connection.id);
    whenCaughtUp(connection, this.#options.clock, () => this.#ingest.caughtUp(connection.id));
  }

  /** A new connection, whatever carries it. */
  accept(wire: Wire): WireEnd {
    const { platform } = this.#options;
    const connection: Connection = new Connection({
      ...this.#options,
      ...this.#shared,
      wire,
      session: platform.open(),
      onIdentified: (_, identity) => this.#admission.identified(connection, identity),
      believes: (_, proof) => this.#believes(connection, proof),
      onLine: (_, read) => this.#ingest.line(connection, read, this.#admission.judge(connection, read)),
      onVitals: (_, vitals, rttSeconds) => this.#vitals.take(connection, vitals, rttSeconds),
      mayJudge: () => this.#life.mayJudge,
      onEvidence: (_, evidence) => this.#deliver.judged(botOf(connection), connection, evidence),
      onRevived: () => this.#deliver.revived(botOf(connection), connection),
      onClosed: (_, reason) => this.#closed(connection, reason),
    });
    this.#wires++;
    this.#table.set(connection.id, connection);
    connection.open();
    this.#ingest.opened(connection);
    if (this.isDraining) connection.close("drain");
    return {
      onBytes: (chunk) => connection.onBytes(chunk),
      onEnded: (reason) => {
        connection.onEnded(reason);
        if (--this.#wires === 0 && this.isDraining) this.#wiresEnded.abort();
      },
    };
  }

  #believes(connection: Connection, proof: Proof | null): boolean {
    return !isRefusal(this.#admission.judge(connection, { proof, receivedAt: this.#options.clock.nowMs() }));
  }

  #admitted(connection: Connection, replaced: readonly Connection[]): void {
    for (const old of replaced) old.close("replaced");
    this.#deliver.admitted(botOf(connection), connection);
  }

  #dismissed(connection: Connection): void {
    this.#deliver.gone(botOf(connection), connection, "operator");
  }

  #closed(connection: Connection, reason: CloseReason): void {
    this.#table.delete(connection.id);
    this.#admission.closed(connection);
    this.#ingest.closed(connection);
    if (connection.identity !== null) this.#deliver.gone(botOf(connection), connection, evidenceOf(reason));
  }

  #closeQueues(): void {
    this.#queues.close();
    this.#confirmer.close();
  }

  async #closeSockets(): Promise<void> {
    if (this.#wires === 0) return;
    for (const connection of [...this.#table.values()]) connection.close("drain");
    await pause(this.#options.clock, limits.handoverMsMax, this.#wiresEnded.signal);
  }
}

/** Of one that was identified. */
function botOf({ identity }: Connection): BotName {
  return identity?.bot ?? "";
}
