import { createServer } from "node:net";

/**
 * Below Linux' range of ports for outgoing connections (32768 and up): a port that was just found free there may be
 * taken by somebody's connection before its server binds.
 */
const LOW = 20_000;
const HIGH = 32_000;
const TRIES_MAX = 100;

/**
 * A port of this machine that nobody listens on just now. It is nobody else's of us either, while this process lives:
 * its server may bind seconds later, and side by side suites have drawn one port twice.
 */
export async function freePort(host = "127.0.0.1"): Promise<number> {
  for (let i = 0; i < TRIES_MAX; i++) {
    const port = LOW + Math.floor(Math.random() * (HIGH - LOW));
    if ((await claim(port)) && (await isFree(port, host))) return port;
  }
  throw new Error(`found no free port from ${LOW} to ${HIGH} on ${host}`);
}

/** False: somebody else's. An abstract Unix socket is the claim: it leaves no file, and dies with its process. */
export function claim(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const held = createServer().unref();
    held.once("error", () => resolve(false));
    held.listen(`\0moa-port-${port}`, () => resolve(true));
  });
}

export function isFree(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen(port, host, () => probe.close(() => resolve(true)));
  });
}
