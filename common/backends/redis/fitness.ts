/** Refuses to start on a Redis that would lose what moa keeps in it, or that cannot do what moa asks. */
import { MoaError } from "#common/kernel/errors.ts";
import type { Connection } from "./connection.ts";

/** @throws MoaError server_unfit, redis_unavailable */
export async function assertFit(commands: Connection): Promise<void> {
  const info = await commands.call("INFO", (redis) => redis.info("server", "memory"));
  const version = /^redis_version:(\d+)\./m.exec(info)?.[1];
  if (version === undefined || Number(version) < 7) {
    throw new MoaError("server_unfit", `Redis ${version ?? "of unknown version"} is too old; 7.0 or newer is needed`);
  }
  const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1];
  if (policy !== "noeviction") {
    throw new MoaError("server_unfit", `maxmemory-policy is ${policy}, which drops data; set it to noeviction`);
  }
}
