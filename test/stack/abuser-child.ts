/**
 * The abusers of abuse.ts, a process of their own so that what they cost is nobody else's time. The plan comes as the
 * only argument; the parent's `tally` is answered, and the process ends with its parent, or when its seconds are over.
 * A connection that is ended is dialled again: an abuser does not go away. They run when the pods do not: elsewhere they
 * would have machines of their own.
 */
import { connect, type Socket } from "node:net";
import { constants, setPriority } from "node:os";

export interface AbuserPlan {
  readonly kind: "loris" | "never-reading" | "flood";
  readonly port: number;
  readonly sockets: number;
  /** Garbage frames a second over all sockets; only of a flood. */
  readonly perSecond: number;
  readonly seconds: number;
}

export interface AbuserTally {
  readonly frames: number;
  readonly dials: number;
}

const TICK_MS = 10;
/** Not all in one moment: a storm of dials is another test's, and after ten seconds they would end in one moment too. */
const SPREAD_MS = 3_000;
const REDIAL_MS = { loris: 4_000, "never-reading": 4_000, flood: 50 } as const;
/** One in so many of those who never read asks for much; the others for little. */
const GREEDY = 20;
/** 1,000 of them, a quarter of which hold so much, hold more together than the pod allows. */
const UNFINISHED_BYTES = 64 * 1024;
const FRAMES_PER_BLOCK = 100;
/** What one of them keeps in its own process at most. */
const UNSENT_BYTES_MAX = 1024 * 1024;

const garbage: readonly (string | Buffer)[] = [
  "GET / HTTP/1.1",
  "not a frame at all, and longer than most: ".repeat(4),
  '{"event":"analyze","data":',
  '{"event":"analyze","data":{"room":"r","channelId":"1"}}',
  '{"event":"nothing","data":{"__proto__":{"event":"analyze"},"constructor":{"prototype":{}}}}',
  `{"event":"message","data":${"[".repeat(200)}${"]".repeat(200)}}`,
  '{"event":"pong","data":null,"a":18446744073709551615}',
  Buffer.from([0x7b, 0xff, 0xfe, 0x00, 0xc3, 0x28, 0x7d]),
];
const block = Buffer.concat(
  Array.from({ length: FRAMES_PER_BLOCK }, (_, i) => garbage[i % garbage.length] as string | Buffer).flatMap(
    (frame) => [Buffer.from(frame), Buffer.from("\n")],
  ),
);

const plan = JSON.parse(process.argv[2] ?? "") as AbuserPlan;
const tally = { frames: 0, dials: 0 };
const sockets: (Socket | undefined)[] = [];

function handshake(i: number): string {
  const bot = `abuser-${plan.kind}-${i}`;
  return `${JSON.stringify({ botName: bot, version: "3.2.1", deviceID: `device of ${bot}`, clientType: "x" })}\n`;
}

/** Nobody reads: no listener for data, so the socket never flows. */
function dial(i: number, greet: (socket: Socket) => void): void {
  tally.dials++;
  const socket = connect({ port: plan.port, host: "127.0.0.1", noDelay: true });
  socket.on("error", () => {});
  socket.on("connect", () => {
    sockets[i] = socket;
    greet(socket);
  });
  socket.on("close", () => {
    sockets[i] = undefined;
    setTimeout(() => dial(i, greet), REDIAL_MS[plan.kind]);
  });
}

function dialAll(greet: (socket: Socket, i: number) => void): void {
  for (let i = 0; i < plan.sockets; i++) {
    setTimeout(() => dial(i, (socket) => greet(socket, i)), (i / plan.sockets) * SPREAD_MS);
  }
}

/** One in four says nothing; the others a byte a second: of their handshake, of a long line before it, of a line after it. */
function beLoris(): void {
  dialAll((socket, i) => {
    if (i % 4 === 2) socket.write(`{"event":"analyze","data":"${"x".repeat(UNFINISHED_BYTES)}`);
    if (i % 4 === 3) socket.write(handshake(i));
  });
  let at = 0;
  setInterval(() => {
    at++;
    for (const [i, socket] of sockets.entries()) {
      if (i % 4 === 1) socket?.write(handshake(i).charAt(at % 60));
      if (i % 4 >= 2) socket?.write("x");
    }
  }, 1_000);
}

/** What they ask for is answered, at length, and nobody takes it. */
function neverRead(): void {
  const long = "가".repeat(1_000);
  const echo = { bot_name: long, channel_id: long, room: long, user_hash: long, server_timestamp: long };
  const ping = Buffer.from(`${JSON.stringify({ event: "ping", data: echo })}\n`);
  const room = { room: "r", channelId: "1", sender: "s", userHash: "u" };
  dialAll((socket, i) => {
    socket.write(handshake(i));
    const data = { ...room, text: `# echo ${tally.dials} ${"x".repeat(2_000)}`, logId: `${Date.now()}${i}` };
    socket.write(`${JSON.stringify({ event: "analyze", data })}\n`);
  });
  let turn = 0;
  setInterval(() => {
    turn++;
    for (const [i, socket] of sockets.entries()) {
      // Thirty a second of a greedy one, one in three seconds of another.
      if (i % GREEDY === 0 ? turn % 3 !== 0 : turn % 300 !== i) continue;
      if (socket === undefined || socket.writableLength > UNSENT_BYTES_MAX) continue;
      socket.write(ping);
      tally.frames++;
    }
  }, TICK_MS);
}

/** Every second socket says first who it is. */
function flood(): void {
  dialAll((socket, i) => {
    if (i % 2 === 0) socket.write(handshake(i));
  });
  const beganMs = performance.now();
  let next = 0;
  setInterval(() => {
    const due = ((performance.now() - beganMs) / 1_000) * plan.perSecond;
    for (let tries = 0; tally.frames < due && tries < 2 * plan.sockets; tries++) {
      const socket = sockets[next++ % plan.sockets];
      if (socket === undefined || socket.writableLength > UNSENT_BYTES_MAX) continue;
      socket.write(block);
      tally.frames += FRAMES_PER_BLOCK;
    }
  }, TICK_MS);
}

setPriority(constants.priority.PRIORITY_LOW);
process.on("message", () => process.send?.(tally));
process.once("disconnect", () => process.exit(0));
setTimeout(() => process.exit(0), plan.seconds * 1_000);
({ loris: beLoris, "never-reading": neverRead, flood })[plan.kind]();
