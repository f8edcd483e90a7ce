/**
 * A run in which everything happens that dashboards are there for, scraped by a real Prometheus: a zombie writer is
 * replaced, an event is parked, an action held, Redis restarts, a gateway is drained, a worker replaced. Every query of
 * every panel must then show numbers.
 */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { redisBackends } from "#common/backends/redis/backends.ts";
import { systemClock } from "#common/backends/system/clock.ts";
import { systemRandom } from "#common/backends/system/random.ts";
import { encodeAction } from "#common/contract/codec.ts";
import { keysFor } from "#common/contract/keys.ts";
import { createLogger } from "#common/observe/logger.ts";
import { createMetrics } from "#common/observe/metrics.ts";
import type { Alert } from "#grafana/alerts/alert.ts";
import { alerts } from "#grafana/alerts/rules.ts";
import { dashboards } from "#grafana/dashboards/catalogue.ts";
import type { PanelEntry } from "#grafana/dashboards/panel.ts";
import type { BotPhone } from "#scripts/chaos/fleet.ts";
import { KEY_PREFIX, metricOf } from "#scripts/chaos/site.ts";
import { shownBy } from "#scripts/ops/panel-values.ts";
import { WatchedSite } from "#scripts/ops/watched-site.ts";
import { Phone } from "#scripts/phone/phone.ts";
import { topology } from "#test/fixtures/balances.ts";
import { moaOf, TOKEN } from "#test/fixtures/moa.ts";

const RUN_MS_MAX = 240_000;
/** Alerts that may not come true, not even for a scrape. */
const INVARIANTS = ["MoaEventsUnaccounted", "MoaWriterSplitBrain", "MoaEpochRegression", "MoaAcknowledgedEventsLost"];
const patience = { timeout: 60_000, interval: 200 };
const SIGNED = { bot: "signed", secret: { key: "a key of a test", salt: "a salt" } };

let watched: WatchedSite;
let window: readonly [from: number, to: number];

beforeAll(async () => {
  watched = await WatchedSite.open({
    bots: { stoppable: 1, spare: 1, idle: 1, crowd: 4 },
    linesPerS: 60,
    env: { MOA_OPS_TOKEN: TOKEN, MOA_HMAC_KEYS: JSON.stringify({ [SIGNED.bot]: [SIGNED.secret] }) },
  });
  const signed = signs();
  await Promise.all([watched.strike("phone-stopped"), parks(), holds()]);
  await watched.strike("redis-restart");
  await Promise.all([drains(), replacesWorker()]);
  await scraped();
  await signed.close();
  window = watched.window;
}, RUN_MS_MAX);
afterAll(() => watched?.close(), RUN_MS_MAX);

/** A phone whose signature says what its clock says. */
function signs(): Phone {
  const { bot, secret } = SIGNED;
  const servers = watched.site.bridges.map((port) => ({ host: "127.0.0.1", port }));
  const phone = new Phone({ bot, secret, device: "device of it", dialect: "v333", servers });
  phone.connect();
  return phone;
}

/** A turn that takes longer than it may. */
async function parks(): Promise<void> {
  const spare = watched.scene.fleet.bots.find(({ sort }) => sort === "spare");
  watched.scene.fleet.say(spare?.phones[0] as BotPhone, { text: "# nap 6000" });
  await vi.waitFor(async () => expect(await watched.prometheus.value("sum(moa_parked_events)")).toBe(1), patience);
}

/** No command of today is about money: the action is put where a failover would have put it. */
async function holds(): Promise<void> {
  const tools = { clock: systemClock(), random: systemRandom(), metrics: createMetrics(false).metrics };
  const place = {
    url: watched.site.servers.env.MOA_REDIS_URL as string,
    keys: keysFor(topology, KEY_PREFIX),
    topology,
  };
  const redis = redisBackends({ ...place, laneBacklogMax: 1, log: createLogger("test", "silent"), ...tools });
  await redis.start();
  const of = {
    v: 1,
    kind: "text",
    id: "a:0",
    bot: "held",
    channel: "1",
    room: "방",
    text: "paid",
    deadline: 1,
  } as const;
  const action = encodeAction({ ...of, inDoubt: "hold" });
  await redis.held.hold({ bot: of.bot, id: of.id, heldAt: Date.now(), action });
  await redis.close();
}

/** The gateway that has more writers. */
async function drains(): Promise<void> {
  const { gateways } = watched.site;
  const writers = await Promise.all(gateways.map((pod) => metricOf([pod], "moa_connections", 'role="writer"')));
  const fullest = gateways[writers.indexOf(Math.max(...writers))];
  const { code, err } = await moaOf(watched.pods)("drain", fullest?.name ?? "");
  expect(code, err).toBe(0);
}

/** In good order, and back again. */
async function replacesWorker(): Promise<void> {
  const [, worker] = watched.site.workers;
  await worker?.child.stop();
  await worker?.child.start();
}

/** What happened last has been seen. */
async function scraped(): Promise<void> {
  const seen = ["moa_gateway_drain_seconds_count", "moa_held_actions", "moa_writer_handovers_total"];
  await vi.waitFor(async () => {
    for (const name of seen) expect(await watched.prometheus.value(`sum(${name})`), name).toBeGreaterThan(0);
    expect(await watched.prometheus.value("sum(up)")).toBe(watched.pods.length);
  }, patience);
}

async function silentQueries(panel: PanelEntry): Promise<readonly string[]> {
  const queries = await shownBy(watched.prometheus, panel, window);
  return queries
    .filter(({ values }) => values.length === 0)
    .map(({ legend, fault = "no data" }) => `${panel.title} / ${legend}: ${fault}`);
}

describe("every panel has data of", () => {
  for (const { uid, rows } of dashboards) {
    it(uid, async () => {
      const panels = rows.flatMap((row) => row.panels);
      expect((await Promise.all(panels.map(silentQueries))).flat()).toEqual([]);
    });
  }

  it("its run, else it is reported", async () => {
    const planted = (expr: string) => ({
      ...(dashboards[0]?.rows[0]?.panels[0] as PanelEntry),
      queries: [{ expr, legend: "planted" }],
    });
    expect(await silentQueries(planted("sum(moa_nothing_total)"))).toEqual([expect.stringContaining("no data")]);
    expect(await silentQueries(planted("sum(rate(moa_connections)"))).toEqual([expect.stringContaining("parse error")]);
    expect(await silentQueries(planted("moa_connections > 1e9"))).toEqual([expect.stringContaining("no data")]);
  });
});

describe("the run is seen:", () => {
  const peakOf = async (uid: string, title: string) => {
    const panels = dashboards.filter((one) => one.uid === uid).flatMap(({ rows }) => rows.flatMap((row) => row.panels));
    const panel = panels.find((one) => one.title === title) as PanelEntry;
    const queries = await shownBy(watched.prometheus, panel, window);
    return new Map(queries.map(({ legend, values }) => [legend, Math.max(...values)]));
  };

  it("the zombie was found within its bounds and replaced", async () => {
    expect((await peakOf("moa-writers", "Zombies found")).get("zombies")).toBeGreaterThanOrEqual(1);
    expect((await peakOf("moa-writers", "Detect: T1-T0")).get("p50")).toBeLessThan(20);
    expect((await peakOf("moa-writers", "Outage: T4-T0")).get("p99")).toBeGreaterThan(0);
    expect((await peakOf("moa-writers", "Two writers at once")).get("violations")).toBe(0);
  });

  it("what was parked and held waits for an operator, and an alert says so", async () => {
    expect(await peakOf("moa-fleet", "Waiting for an operator")).toEqual(
      new Map(Object.entries({ parked: 1, held: 1 })),
    );
    expect((await peakOf("moa-fleet", "Alerts firing")).get("firing")).toBeGreaterThanOrEqual(1);
  });

  it("no promise was broken, whatever was replaced meanwhile", async () => {
    for (const name of INVARIANTS) {
      const { expr } = alerts.find((alert) => alert.name === name) as Alert;
      const metric = `sum(${/moa_\w+/.exec(expr)?.[0]})`;
      const [seen = []] = (await watched.prometheus.range(metric, window)).map(({ values }) => values);
      expect(seen.length, metric).toBeGreaterThan(5);
      expect(
        (await watched.prometheus.range(expr, window)).flatMap(({ values }) => values),
        expr,
      ).toEqual([]);
    }
  });

  it("Redis was another one afterwards", async () => {
    expect((await peakOf("moa-stores", "Another Redis answered")).get("{{pod}}")).toBeGreaterThan(0);
  });

  it("a gateway was drained and lanes moved", async () => {
    expect((await peakOf("moa-deploy", "Bots handed over")).get("{{result}}")).toBeGreaterThan(0);
    expect((await peakOf("moa-deploy", "How long drains took")).get("p99")).toBeLessThan(30);
    expect((await peakOf("moa-deploy", "Takeovers")).get("{{kind}}")).toBeGreaterThan(0);
    expect((await peakOf("moa-lanes", "Jobs by state")).get("{{queue}} delayed")).toBe(1);
  });
});
