/** Conditions of what pods keep in Redis and MySQL: full, slow, read-only, altered by hand. */
import { userInfo } from "node:os";
import { join } from "node:path";
import { createConnection } from "mysql2/promise";
import { expect, onTestFinished, test, vi } from "vitest";
import { systemClock } from "#common/backends/system/clock.ts";
import { keysFor } from "#common/contract/keys.ts";
import { limits } from "#common/contract/limits.ts";
import { pause } from "#common/kernel/clock.ts";
import { topology } from "#test/fixtures/balances.ts";
import { ask } from "#test/fixtures/mariadb.ts";
import { KEY_PREFIX } from "#test/fixtures/own-stack.ts";
import { freshBot, patience, RawPhone } from "#test/fixtures/raw-phone.ts";
import { metricOf } from "#test/stack/site.ts";
import type { TrialSite } from "./trial-site.ts";
import { candidates } from "./trials-of-writers.ts";
import { expectTrue } from "./true-of.ts";

/** Below a call's 2 s: nothing fails. */
const SLOW_MS = 1_800;
/** A row waits for others before it is sent. */
const LOCKED_MS = limits.rowsGatherMs + 800;
const LANES = topology.shards * topology.lanesPerShard;
const keys = keysFor(topology, KEY_PREFIX);
const clock = systemClock();

export function mysqlTrials(of: () => TrialSite): void {
  test("MySQL is read-only", async () => {
    const site = of();
    const before = await site.scrape();
    const phone = (await RawPhone.identified(site.port(0))).echoPings();
    phone.say("# echo known");
    await phone.until(() => phone.shown.length === 1, "the answer");
    await asRoot(site, "SET GLOBAL read_only = 1");
    onTestFinished(() => asRoot(site, "SET GLOBAL read_only = 0"));
    phone.say("# echo on record later");
    await site.comeTrue(before, "MoaMysqlReadOnly");
    const said = await site.type("MySQL is read-only", { also: [1] });
    expect(said.get("moa doctor")).toMatch(/bad +worker-1 +mysql writes +read-only/);
    expect(phone.shown).toEqual(["에코: known", "에코: on record later"]);
    await asRoot(site, "SET GLOBAL read_only = 0");
    await site.well();
  });

  test("MySQL is slow", async () => {
    const site = of();
    const phone = (await RawPhone.identified(site.port(0))).echoPings();
    phone.say("# echo known");
    await phone.until(() => phone.shown.length === 1, "the answer");
    const before = await site.scrape();
    const locker = await createConnection({ uri: site.stack.mysqlUrl });
    onTestFinished(() => locker.destroy());
    const isSlow = async () => {
      await locker.query("LOCK TABLES kb_chat_logs WRITE, moa_lane_position WRITE");
      phone.say("on record late");
      await pause(clock, LOCKED_MS);
      await locker.query("UNLOCK TABLES");
      expectTrue("MoaMysqlSlow", [before, await site.scrape()]);
    };
    await vi.waitFor(isSlow, patience);
    await site.type("MySQL is slow");
  });

  test("a column of the chat log was altered", async () => {
    const site = of();
    const before = await site.scrape();
    const column = (type: string) => ask(site.stack.mysqlUrl, `ALTER TABLE kb_chat_logs MODIFY room_name ${type}`);
    await column("varchar(60) DEFAULT NULL");
    const phone = (await RawPhone.identified(site.port(0))).echoPings();
    phone.say("# echo answered", { room: "긴 방 이름".repeat(20) });
    await site.comeTrue(before, "MoaChatLogRowsLost");
    expect(phone.shown).toEqual(["에코: answered"]);
    await site.type("a column of the chat log was altered");
    await column("varchar(255) DEFAULT NULL COMMENT '카카오톡 방 이름 (변동 가능성 있음)'");
  });
}

export function redisTrials(of: () => TrialSite): void {
  test("Redis refuses writes", async () => {
    const site = of();
    const redis = site.redis();
    const before = await site.scrape();
    const bot = freshBot();
    await redis.config("SET", "min-replicas-to-write", 1);
    onTestFinished(async () => void (await redis.config("SET", "min-replicas-to-write", 0)));
    // Who comes now cannot be given a tenure.
    for (const gateway of [0, 1]) site.phoneOf(bot, gateway);
    const alerts = ["MoaRedisRefusesWrites", "MoaWriterlessBots", "MoaWriterAvailabilityBudgetBurn"];
    await site.comeTrue(before, ...alerts);
    const mend = async () => {
      await redis.config("SET", "min-replicas-to-write", 0);
      await site.well();
    };
    const named = { BOT: bot, POD: "gateway-2" };
    const said = await site.type("Redis refuses writes", { named, also: [1, 5], mend });
    expect(said.get("moa doctor")).toMatch(/bad +gateway-1 +redis writes +.*NOREPLICAS/);
  });

  test("Redis is slow", async () => {
    const site = of();
    const before = await site.scrape();
    const isSlow = async () => {
      await site.stack.redis?.pause();
      await pause(clock, SLOW_MS);
      site.stack.redis?.signal("SIGCONT");
      const scrapes = [before, await site.scrape()];
      for (const alert of ["MoaRedisSlow", "MoaLifeNearlyLost"]) expectTrue(alert, scrapes);
    };
    await vi.waitFor(isSlow, patience);
    await site.type("Redis is slow", { also: [1] });
    await site.well();
  });

  test("Redis has an older tenure again", async () => {
    const site = of();
    const bot = freshBot();
    const before = await site.scrape();
    const phone = (await RawPhone.identified(site.port(0), bot)).echoPings();
    await site.writes(bot);
    site.phoneOf(bot, 1);
    await candidates(site, bot, 2);
    const redis = site.redis();
    const lost = Number(await redis.hget(keys.outboxMeta(bot), "tenure"));
    await redis.hset(keys.outboxMeta(bot), "tenure", 1);
    // Its confirmation is refused, and the tenure asked for again.
    phone.say("# echo confirmed in vain");
    await site.comeTrue(before, "MoaEpochRegression");
    await site.type("Redis has an older tenure again", { named: { BOT: bot } });
    expect(Number(await redis.hget(keys.outboxMeta(bot), "tenure"))).toBeGreaterThan(lost);
  });
}

/** Leaves counters behind that are balanced no more: to be tried last. */
export function unaccountedTrial(of: () => TrialSite): void {
  test("somebody emptied a lane", async () => {
    const site = of();
    const before = await site.scrape();
    const bot = freshBot();
    const phone = (await RawPhone.identified(site.port(0), bot)).echoPings();
    await site.writes(bot);
    const appended = () => metricOf(site.stack.gateways, "moa_messages_appended_total");
    const known = await appended();
    for (const i of [0, 1]) await site.child("workers", i).pause();
    // A read that waits would get what comes now.
    const redis = site.redis();
    const reads = async () => String(await redis.client("LIST")).match(/ flags=b .* cmd=xread /g);
    await vi.waitFor(async () => expect(await reads()).toBeNull(), patience);
    phone.say("# echo lost");
    await vi.waitFor(async () => expect(await appended()).toBe(known + 1), patience);
    for (let lane = 0; lane < LANES; lane++) await redis.xtrim(keys.inbound(lane), "MAXLEN", 0);
    for (const i of [0, 1]) site.child("workers", i).signal("SIGCONT");
    await site.comeTrue(before, "MoaEventsUnaccounted");
    await site.type("somebody emptied a lane");
    expect(phone.shown).toEqual([]);
  });
}

/** MariaDB's own root, who comes by its socket alone. */
async function asRoot({ dir }: TrialSite, sql: string): Promise<void> {
  const connection = await createConnection({
    socketPath: join(dir, "mariadb/data/moa.sock"),
    user: userInfo().username,
    authPlugins: { unix_socket: () => () => Buffer.alloc(0) },
  });
  await connection.query(sql);
  connection.destroy();
}
