import { mkdirSync } from "node:fs";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Child } from "./child.ts";
import { programOf } from "./program.ts";

export interface RedisPlace {
  /** In logs; `redis` unless it is said. */
  readonly name?: string;
  /** Made when absent. */
  readonly dir: string;
  readonly port: number;
  readonly logFile: string;
  /** A configuration file that the server may rewrite, for what a failover changes and a restart must keep. */
  readonly file?: string;
  /** More of redis-server's own; they win. */
  readonly settings?: readonly string[];
}

/**
 * A private Redis or Valkey on 127.0.0.1 that keeps what it acknowledged but for the last second: an append-only file,
 * and no eviction, as moa demands of any Redis.
 */
export function redisServer({ name = "redis", dir, port, logFile, file, settings = [] }: RedisPlace): Child {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const place = ["--port", `${port}`, "--bind", "127.0.0.1", "--dir", dir, "--save", "", "--daemonize", "no"];
  const keeping = ["--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction"];
  return new Child({
    name,
    command: programOf("redis-server", "valkey-server"),
    args: [...(file === undefined ? [] : [file]), ...place, ...keeping, ...settings],
    env: () => process.env,
    logFile,
    ready: (_, signal) => untilPong(port, signal),
    readyMsMax: 30_000,
    stopMsMax: 5_000,
  });
}

export function redisUrlOf(port: number): string {
  return `redis://127.0.0.1:${port}/0`;
}

/** LOADING counts as not ready: the file of a long run takes a while to read. */
export async function untilPong(port: number, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const answer = await new Promise<string>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => socket.write("PING\r\n"));
      socket.setTimeout(1_000, () => socket.destroy());
      socket.once("data", (data) => {
        resolve(data.toString());
        socket.destroy();
      });
      socket.once("error", () => {});
      socket.once("close", () => resolve(""));
    });
    if (answer.startsWith("+PONG")) return;
    await sleep(10);
  }
}
