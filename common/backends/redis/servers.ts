/** The ways to whatever Redis there is: what differs between a single server, Sentinel and Cluster ends here. */
import { ClusterConnection } from "./cluster-connection.ts";
import { ClusterMap, slotOf } from "./cluster-map.ts";
import { ClusterNodes } from "./cluster-nodes.ts";
import type { Connection, ConnectionTools, Purpose } from "./connection.ts";
import { type ClusterPlace, dial, type RedisPlace, type SentinelPlace, type SinglePlace } from "./place.ts";
import { SentinelWatch } from "./sentinel-watch.ts";
import { ServerConnection } from "./server-connection.ts";

/** The connections on which channels are heard: one for each server that has some. */
export interface Subscribers {
  /** @throws MoaError redis_unavailable */
  open(): Promise<void>;
  /** Where the channel is to be heard just now. Undefined while no server is known to have it. */
  of(channel: string): ServerConnection | undefined;
  /** Called when another server may have to be asked. */
  onChange(listener: () => void): void;
  /** The subscription of this channel shows no sign of life. */
  suspect(channel: string): void;
  close(): void;
}

export interface Servers {
  readonly commands: Connection;
  /** For reads that wait. */
  reader(): Connection;
  /** @param onMade told of each connection before it is opened */
  subscribers(onMade: (connection: ServerConnection) => void): Subscribers;
  close(): void;
}

export function serversOf(place: RedisPlace, tools: ConnectionTools): Servers {
  return "cluster" in place ? ofCluster(place, tools) : ofOne(place, tools);
}

function ofOne(place: SinglePlace | SentinelPlace, tools: ConnectionTools): Servers {
  const connection = (purpose: Purpose) =>
    new ServerConnection({ ...tools, purpose, address: "", dial: (options) => dial(place, options) });
  const commands = connection("commands");
  // One that waits or listens shows only late that its server was replaced.
  const follower = (purpose: Purpose) => {
    const made = connection(purpose);
    commands.onLoss(() => {
      if (made.identity !== commands.identity) made.restart();
    });
    return made;
  };
  const watch = "sentinels" in place ? new SentinelWatch(tools, place, commands) : undefined;
  commands.onReady(() => watch?.start());
  return {
    commands,
    reader: () => follower("reader"),
    subscribers: (onMade) => {
      const subscriber = follower("subscriber");
      onMade(subscriber);
      return {
        open: () => subscriber.open(),
        of: () => subscriber,
        onChange: () => {},
        suspect: () => subscriber.restart(),
        close: () => subscriber.close(),
      };
    },
    close: () => {
      watch?.close();
      commands.close();
    },
  };
}

function ofCluster(place: ClusterPlace, tools: ConnectionTools): Servers {
  const map = new ClusterMap(tools, place);
  const way = { ...tools, place, map };
  const commands = new ClusterConnection({ ...way, purpose: "commands" });
  return {
    commands,
    reader: () => new ClusterConnection({ ...way, purpose: "reader" }),
    subscribers: (onMade) => {
      const nodes = new ClusterNodes({ ...way, purpose: "subscriber", onMade });
      return {
        open: () => map.open(),
        of: (channel) => nodes.ofSlot(slotOf(channel)),
        onChange: (listener) => map.onChange(listener),
        suspect: (channel) => {
          map.suspect();
          nodes.ofSlot(slotOf(channel))?.restart();
        },
        close: () => nodes.close(),
      };
    },
    close: () => {
      map.close();
      commands.close();
    },
  };
}
