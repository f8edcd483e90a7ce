/** Stands between a pod and Redis and does to its connections what networks do. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  /** What the client sent first, to tell connections by. */
  said: string;
  frozen: boolean;
}

export interface RedisProxy {
  readonly url: string;
  /** From now on replies are thrown away; commands still arrive. */
  mute(): void;
  unmute(): void;
  /** No byte passes any more, either way, on connections that said this; nobody is told. Returns how many. */
  freeze(said: RegExp): number;
  /** Ends all connections. New ones are taken. */
  cut(): void;
  close(): Promise<void>;
}

export async function startRedisProxy(redisPort: number): Promise<RedisProxy> {
  const pairs = new Set<Pair>();
  let muted = false;
  const listener = createServer((client) => {
    const pair: Pair = { client, server: connect(redisPort, "127.0.0.1"), said: "", frozen: false };
    pairs.add(pair);
    join(pair, () => muted);
    client.on("close", () => pairs.delete(pair));
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const cut = () => {
    for (const { client } of pairs) client.destroy();
  };
  return {
    url: `redis://127.0.0.1:${(listener.address() as AddressInfo).port}/0`,
    mute: () => {
      muted = true;
    },
    unmute: () => {
      muted = false;
    },
    freeze: (said) => {
      const found = [...pairs].filter((pair) => said.test(pair.said));
      for (const pair of found) pair.frozen = true;
      return found.length;
    },
    cut,
    close: async () => {
      cut();
      listener.close();
      await once(listener, "close");
    },
  };
}

function join(pair: Pair, muted: () => boolean): void {
  const { client, server } = pair;
  client.on("data", (chunk) => {
    if (pair.said.length < 4_096) pair.said += chunk.toString("latin1");
    if (!pair.frozen) server.write(chunk);
  });
  server.on("data", (chunk) => {
    if (!pair.frozen && !muted()) client.write(chunk);
  });
  for (const [one, other] of [
    [client, server],
    [server, client],
  ] as const) {
    one.on("error", () => other.destroy());
    one.on("close", () => other.destroy());
  }
}
