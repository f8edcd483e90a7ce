/** Composition root of the gateway pod: the only place that names its backends. */
import { redisBackends } from "#common/backends/redis/backends.ts";
import { runPod } from "#common/backends/system/pod.ts";
import { keysFor } from "#common/contract/keys.ts";
import { Gateway } from "./gateway.ts";
import { platforms } from "./platforms/catalogue.ts";

await runPod("gateway", (config, pod) => {
  const topology = { shards: config.shards, lanesPerShard: config.lanesPerShard, tags: config.outboxTags };
  const keys = keysFor(topology, config.keyPrefix);
  const redis = redisBackends({ ...pod, url: config.redisUrl, keys, topology, laneBacklogMax: config.laneBacklogMax });
  const gateway = new Gateway({ ...pod, ...redis, ...config, topology: redis.reach, platform: platforms.bridge });
  return {
    parts: [{ name: "redis", start: () => redis.start(), stop: () => redis.close() }, ...gateway.parts],
    ready: () => !gateway.isDraining,
    ports: () => ({ bridge: gateway.bridgePort }),
  };
});
