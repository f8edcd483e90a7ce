/**
 * One server, over one socket at a time.
 *
 *   wait ──open──> connecting ──socket──> asked who it is ──a master──> up ──lost, timed out, READONLY──> connecting
 *                                               └──a replica──> dropped after a pause, connecting
 *
 * It is asked before any call passes, because behind the same address another server may answer than the one that
 * acknowledged our last call: listeners hear of that (`onKnown`) before it is up. On a connection for commands it is
 * asked again every `redisLookEveryMs`: a server can be demoted and promoted under an open connection, and one that
 * nobody calls must be found dead all the same, for the sake of what waits to be appended again.
 */
import type { Command, Redis } from "ioredis";
import { limits } from "#common/contract/limits.ts";
import { backoffMs } from "#common/kernel/backoff.ts";
import { within } from "#common/kernel/lifecycle.ts";
import {
  type Argument,
  type Connection,
  type ConnectionTools,
  type LossListener,
  type Purpose,
  runOn,
  type ServerCalls,
} from "./connection.ts";
import { faultOf, type RedisFault, unavailable } from "./faults.ts";
import { Losses } from "./losses.ts";
import type { DriverOptions } from "./place.ts";
import type { Script } from "./scripts.ts";

export interface ServerOptions extends ConnectionTools {
  readonly purpose: Purpose;
  /** Of a node of a Cluster; empty where there is one server only. */
  readonly address: string;
  dial(options: DriverOptions): Redis;
  /** Told the words of a node that does not serve what it was asked for. */
  onRefused?(words: string): void;
}

/** After these another connection may find a server that serves. */
const DROPPING: readonly RedisFault[] = ["timeout", "READONLY", "MASTERDOWN", "UNBLOCKED", "LOADING"];

export class ServerConnection implements Connection, ServerCalls {
  readonly #options: ServerOptions;
  readonly #redis: Redis;
  readonly #losses: Losses;
  readonly #whenKnown: (() => void)[] = [];
  readonly #whenUp: (() => void)[] = [];
  #stands: Promise<void> | undefined;
  #tellStands: () => void = () => {};
  #identity = "";
  #up = false;
  #wasUp = false;
  #dropping = false;
  #closed = false;
  /** Counts sockets, so that what was begun on one does not end on another. */
  #session = 0;
  #refusals = 0;
  #cancelLook: () => void = () => {};

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#losses = new Losses(options);
    this.#redis = options.dial(driverOptions(options));
    this.#redis.on("ready", () => void this.#ask(++this.#session));
    this.#redis.on("close", () => this.#afterClose());
    const { log, purpose } = options;
    // Without a listener ioredis prints. Each failed try to reconnect comes here.
    this.#redis.on("error", (error) => log.debug({ tag: "REDIS", purpose, err: error.message }, "connection"));
  }

  get address(): string {
    return this.#options.address;
  }

  get ready(): boolean {
    return this.#up;
  }

  /** Never opened, or the first tries are still under way. */
  get isNew(): boolean {
    return !this.#wasUp && this.#redis.status !== "reconnecting";
  }

  /** Of the server that was met last; empty before the first. */
  get identity(): string {
    return this.#identity;
  }

  async open(): Promise<void> {
    if (this.#up) return;
    // One for all who wait: while Redis is away nobody's listener may pile up.
    this.#stands ??= new Promise((resolve) => {
      this.#tellStands = resolve;
    });
    if (this.#redis.status === "wait") this.#redis.connect().catch(() => undefined);
    try {
      await within(this.#options.clock, limits.redisCallMsMax, "connecting", this.#stands);
    } catch (error) {
      throw this.#failed("open", error as Error);
    }
  }

  /** Called whenever it is known who answers, before it is up. */
  onKnown(listener: () => void): void {
    this.#whenKnown.push(listener);
  }

  /** Called each time the connection stands again, the first time included. */
  onReady(listener: () => void): void {
    this.#whenUp.push(listener);
  }

  /** Called when it is lost, and after every failed try to make it again. */
  onDown(listener: () => void): void {
    this.#redis.on("close", listener);
  }

  onSharded(listener: (channel: string, payload: string) => void): void {
    this.#redis.on("smessage", listener);
  }

  /** Called when a Cluster ended subscriptions because their slot went elsewhere. */
  onUnsubscribed(listener: () => void): void {
    this.#redis.on("moved", listener);
  }

  onLoss(listener: LossListener): void {
    this.#losses.add(listener);
  }

  async call<T>(what: string, work: (redis: Redis) => Promise<T>): Promise<T> {
    try {
      if (!this.#up) throw new Error("not connected");
      this.#gatherWrites();
      return await work(this.#redis);
    } catch (error) {
      throw this.#failed(what, error as Error);
    }
  }

  run(script: Script, keys: readonly string[], args: readonly Argument[]): Promise<unknown> {
    return this.call("script", (redis) => runOn(redis, script, { keys, args }));
  }

  /** A command made elsewhere. It settles as the driver says; faults are noted here. */
  send(command: Command): void {
    command.promise.catch((error) => this.#note(error));
    if (!this.#up) {
      command.reject(new Error("not connected"));
      return;
    }
    this.#gatherWrites();
    this.#redis.sendCommand(command);
  }

  async servers(): Promise<readonly ServerCalls[]> {
    await this.open();
    return [this];
  }

  /** Drops the socket and connects again. Never while it is being made: ioredis would then give up for good. */
  restart(): void {
    if (this.#redis.status !== "ready" || this.#dropping) return;
    this.#dropping = true;
    this.#lose();
    this.#redis.disconnect(true);
  }

  close(): void {
    this.#closed = true;
    this.#cancelLook();
    this.#redis.disconnect();
  }

  /** What is called in one turn of the event loop leaves in one write; ioredis would make one for each argument. */
  #gatherWrites(): void {
    const { stream } = this.#redis;
    if (stream === undefined || stream.writableCorked > 0) return;
    stream.cork();
    process.nextTick(() => stream.uncork());
  }

  #failed(what: string, error: Error): Error {
    this.#note(error);
    return unavailable(what, error);
  }

  #note(error: Error): void {
    const fault = faultOf(error);
    this.#options.metrics.redisCallErrors.inc(1, { code: fault });
    if (DROPPING.includes(fault)) this.restart();
    if (fault === "MOVED" || fault === "CLUSTERDOWN") this.#options.onRefused?.(error.message);
  }

  async #ask(session: number): Promise<void> {
    const { clock, random, purpose, metrics } = this.#options;
    const askedMs = clock.monotonicMs();
    try {
      const { isMaster, identity } = whoIn(await this.#redis.info("server", "replication"));
      if (session !== this.#session || this.#closed) return;
      if (!isMaster) throw new Error("the server is a replica");
      if (purpose === "commands") metrics.redisAnswerSeconds.observe((clock.monotonicMs() - askedMs) / 1_000);
      this.#know(identity);
    } catch (error) {
      if (session !== this.#session || this.#closed) return;
      this.#failed("who", error as Error);
      this.#lose();
      clock.after(backoffMs(this.#refusals++, random, 50, 1_000), () => {
        if (session === this.#session) this.restart();
      });
      return;
    }
    if (purpose !== "commands") return;
    this.#cancelLook = clock.after(limits.redisLookEveryMs, () => void this.#ask(session));
  }

  #know(identity: string): void {
    const former = this.#identity;
    this.#identity = identity;
    if (this.#options.address === "" && this.#options.purpose === "commands" && former !== "" && former !== identity) {
      this.#losses.tell(() => true);
    }
    for (const listener of this.#whenKnown) listener();
    if (this.#up) return;
    this.#refusals = 0;
    this.#up = true;
    this.#tellAgain();
    this.#stands = undefined;
    this.#tellStands();
    for (const listener of this.#whenUp) listener();
  }

  #tellAgain(): void {
    const { metrics, log, purpose } = this.#options;
    if (this.#wasUp) {
      metrics.redisReconnects.inc(1, { purpose });
      log.info({ tag: "REDIS", purpose }, "connected again");
    }
    this.#wasUp = true;
  }

  /** Each failed try to reconnect closes, too: told once. */
  #lose(): void {
    const { log, purpose } = this.#options;
    if (this.#up && !this.#closed) log.warn({ tag: "REDIS", purpose }, "connection lost");
    this.#up = false;
  }

  #afterClose(): void {
    this.#session++;
    this.#cancelLook();
    this.#dropping = false;
    this.#lose();
  }
}

function driverOptions({ purpose, random }: ServerOptions): DriverOptions {
  return {
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    autoResubscribe: false,
    // Also bounds the handshake of a server that accepts and says nothing.
    commandTimeout: purpose === "reader" ? limits.blockingReadMs + limits.blockingReadGraceMs : limits.redisCallMsMax,
    connectTimeout: limits.redisCallMsMax,
    // A dead peer never closes its side: without this the socket would linger after `restart`.
    disconnectTimeout: 200,
    maxLoadingRetryTime: 500,
    keepAlive: 10_000,
    connectionName: `moa-${purpose}`,
    retryStrategy: (attempt) => backoffMs(attempt - 1, random, 50, 1_000),
  };
}

/** A server started again has another run id, a replica that was promoted another replication id. */
function whoIn(info: string): { readonly isMaster: boolean; readonly identity: string } {
  const field = (name: string) => new RegExp(`^${name}:(\\S+)`, "m").exec(info)?.[1] ?? "";
  return { isMaster: field("role") === "master", identity: `${field("run_id")} ${field("master_replid")}` };
}
