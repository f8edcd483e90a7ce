/**
 * Stands between a phone and a gateway, or a pod and its Redis, and does to their connections what networks do. Each
 * direction of each connection has its way, changed at any moment:
 *
 *   up: client ──> server      pass, delay, hold, swallow, slow, cut (half of what comes next, then a reset)
 *   down: server ──> client    the same
 *
 * A black hole is `swallow`: bytes and the ends of connections are read and thrown away, nobody is told, and only a reset
 * can follow, because a stream with a hole is none. `hold` is the network that heals: all of it arrives later. What was
 * withheld is counted: a fault that withheld nothing did not bite.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

export type Direction = "up" | "down";

export type Way =
  | { readonly kind: "pass" | "hold" | "swallow" | "cut" }
  | { readonly kind: "delay"; readonly ms: number }
  | { readonly kind: "slow"; readonly bytesPerS: number };

export const PASS: Way = { kind: "pass" };
export const HOLD: Way = { kind: "hold" };
export const SWALLOW: Way = { kind: "swallow" };
export const CUT: Way = { kind: "cut" };

/** As much as a kernel would keep; the sender feels the rest as a closed window. */
const HELD_BYTES_MAX = 256 * 1024;
const SLOW_TICK_MS = 50;
const SAID_BYTES_MAX = 4_096;

type Piece = { readonly data: Buffer | "end" | "reset"; readonly dueAt: number };

/** One direction of one connection. */
class Flow {
  readonly #from: Socket;
  readonly #to: Socket;
  #way: Way = PASS;
  #queue: Piece[] = [];
  #queuedBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  /** Bytes, and ends counted as one, that came while nothing passed. */
  withheld = 0;
  passed = 0;

  constructor(from: Socket, to: Socket) {
    this.#from = from;
    this.#to = to;
    from.on("data", (data) => this.#take(data));
    from.on("end", () => this.#take("end"));
    from.on("error", () => {});
    from.on("close", (hadError) => hadError && this.#take("reset"));
    to.on("drain", () => this.#pump());
  }

  set way(way: Way) {
    this.#way = way;
    this.#pump();
  }

  inject(data: Buffer): void {
    this.#to.write(data);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#queue = [];
  }

  #take(data: Piece["data"]): void {
    const size = typeof data === "string" ? 1 : data.length;
    const { kind } = this.#way;
    if (kind !== "pass" && kind !== "delay") this.withheld += size;
    if (kind === "swallow") return;
    if (kind === "cut" && typeof data !== "string") {
      this.#cut(data);
      return;
    }
    const dueAt = performance.now() + (this.#way.kind === "delay" ? this.#way.ms : 0);
    this.#queue.push({ data, dueAt });
    this.#queuedBytes += size;
    this.#pump();
  }

  #cut(data: Buffer): void {
    this.#to.write(data.subarray(0, Math.ceil(data.length / 2)), () => resetNow(this.#to));
    resetNow(this.#from);
  }

  #pump(): void {
    clearTimeout(this.#timer);
    const now = performance.now();
    if (this.#way.kind === "slow") this.#drip(this.#way.bytesPerS);
    else if (this.#way.kind !== "hold" && this.#way.kind !== "swallow") {
      while (this.#queue.length > 0 && (this.#queue[0] as Piece).dueAt <= now && !this.#to.writableNeedDrain) {
        this.#pass(this.#queue.shift() as Piece);
      }
    }
    if (this.#queuedBytes > HELD_BYTES_MAX) this.#from.pause();
    else if (!this.#from.destroyed) this.#from.resume();
    const next = this.#queue[0];
    if (next === undefined || this.#to.writableNeedDrain) return;
    if (this.#way.kind === "slow") this.#timer = setTimeout(() => this.#pump(), SLOW_TICK_MS);
    else if (next.dueAt > now) this.#timer = setTimeout(() => this.#pump(), next.dueAt - now);
  }

  #drip(bytesPerS: number): void {
    const piece = this.#queue.shift();
    if (piece === undefined) return;
    const count = Math.max(1, Math.round((bytesPerS * SLOW_TICK_MS) / 1_000));
    const isLast = typeof piece.data === "string" || piece.data.length <= count;
    this.#pass(isLast ? piece : { ...piece, data: piece.data.slice(0, count) });
    if (!isLast) this.#queue.unshift({ ...piece, data: piece.data.slice(count) });
  }

  #pass({ data }: Piece): void {
    this.#queuedBytes -= typeof data === "string" ? 1 : data.length;
    if (data === "end") this.#to.end();
    else if (data === "reset") resetNow(this.#to);
    else {
      this.passed += data.length;
      this.#to.write(data);
    }
  }
}

/** Node cannot reset a socket whose end is under way: its handle would stay, and the process turn for ever when it ends. */
function resetNow(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

/** One connection through the proxy. */
export class Line {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #flows: Readonly<Record<Direction, Flow>>;
  /** What the client sent first, to tell connections by. */
  said = "";
  /** The last whole echo of a ping that went up. */
  echo = "";

  constructor(client: Socket, server: Socket) {
    this.#client = client;
    this.#server = server;
    client.on("data", (data) => {
      if (this.said.length < SAID_BYTES_MAX) this.said += data.toString("latin1");
      const text = data.toString();
      if (text.endsWith("\n") && text.includes("server_timestamp"))
        this.echo = text.split("\n").findLast((one) => one.includes("server_timestamp")) as string;
    });
    this.#flows = { up: new Flow(client, server), down: new Flow(server, client) };
  }

  get isOpen(): boolean {
    return !this.#client.destroyed && !this.#server.destroyed;
  }

  set(ways: Partial<Record<Direction, Way>>): void {
    if (ways.up) this.#flows.up.way = ways.up;
    if (ways.down) this.#flows.down.way = ways.down;
  }

  withheld(direction: Direction): number {
    return this.#flows[direction].withheld;
  }

  passed(direction: Direction): number {
    return this.#flows[direction].passed;
  }

  /** To the server, as if the client had said it. */
  inject(text: string): void {
    this.#flows.up.inject(Buffer.from(text));
  }

  /** FIN to the client; its side stays open. */
  halfClose(): void {
    this.#client.end();
  }

  reset(): void {
    this.#flows.up.stop();
    this.#flows.down.stop();
    resetNow(this.#client);
    resetNow(this.#server);
  }
}

export class FaultProxy {
  readonly #listener: Server;
  readonly #lines = new Set<Line>();
  /** Of connections that are yet to come. */
  newcomers: Partial<Record<Direction, Way>> = {};
  /** Connections ever taken. */
  taken = 0;

  private constructor(listener: Server) {
    this.#listener = listener;
  }

  static async listen(port: number): Promise<FaultProxy> {
    const listener = createServer({ allowHalfOpen: true, noDelay: true });
    const proxy = new FaultProxy(listener);
    listener.on("connection", (client) => proxy.#take(client, port));
    listener.listen(0, "127.0.0.1");
    await once(listener, "listening");
    return proxy;
  }

  get port(): number {
    return (this.#listener.address() as AddressInfo).port;
  }

  /** Open ones, the oldest first. */
  get lines(): readonly Line[] {
    return [...this.#lines];
  }

  async close(): Promise<void> {
    for (const line of this.#lines) line.reset();
    this.#listener.close();
    await once(this.#listener, "close");
  }

  #take(client: Socket, port: number): void {
    this.taken++;
    const server = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    const line = new Line(client, server);
    line.set(this.newcomers);
    this.#lines.add(line);
    const forget = () => client.destroyed && server.destroyed && this.#lines.delete(line);
    client.on("close", forget);
    server.on("close", forget);
  }
}
