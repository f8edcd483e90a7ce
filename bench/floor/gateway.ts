/**
 * The gateway half of the floor: the cheapest honest chain of phone, Redis Stream and worker with moa's contract and
 * nothing else. One entry per line, one channel per bot; what gathers in a tick goes out in one write. It loses lines,
 * doubles answers and grows without bound whenever anything fails: moa's promises are priced against it, it makes none.
 */
import { createServer, type Socket } from "node:net";
import { Redis } from "ioredis";

const url = process.env.MOA_REDIS_URL ?? "";
const redis = new Redis(url);
const subscriber = new Redis(url);
const sockets = new Map<string, Socket>();
const corked: Socket[] = [];
let appends = redis.pipeline();

subscriber.on("messageBuffer", (bot: Buffer, answer: Buffer) => {
  const socket = sockets.get(bot.toString("latin1"));
  if (socket === undefined) return;
  if (socket.writableCorked === 0) {
    socket.cork();
    if (corked.push(socket) === 1) process.nextTick(uncork);
  }
  socket.write(answer);
});

function uncork(): void {
  for (const socket of corked.splice(0)) socket.uncork();
}

function flush(): void {
  void appends.exec();
  appends = redis.pipeline();
}

function hear(socket: Socket, line: string): void {
  const frame = JSON.parse(line);
  if (frame.event === "analyze") {
    const { auth: _, ...event } = frame.data;
    event.receivedAt = Date.now();
    if (appends.length === 0) setImmediate(flush);
    appends.xadd("in", "MAXLEN", "~", "100000", "*", "e", JSON.stringify(event));
  } else if (frame.botName !== undefined) {
    sockets.set(frame.botName, socket);
    const welcome = () => socket.write('{"event":"handshakeComplete","data":{"success":true,"approved":true}}\n');
    void subscriber.subscribe(frame.botName).then(welcome);
  }
}

const server = createServer({ noDelay: true }, (socket) => {
  let rest: Buffer | undefined;
  socket.on("error", () => {});
  socket.on("data", (chunk) => {
    const bytes = rest === undefined ? chunk : Buffer.concat([rest, chunk]);
    let from = 0;
    for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, from)) {
      hear(socket, bytes.toString("utf8", from, end));
      from = end + 1;
    }
    rest = from < bytes.length ? bytes.subarray(from) : undefined;
  });
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  process.send?.({ ready: true, ports: { bridge: typeof address === "object" ? address?.port : 0 } });
});
process.once("SIGTERM", () => process.exit(0));
