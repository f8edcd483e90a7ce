/**
 * A site as chaos runs have it (chaos/site.ts), with its phones and a Prometheus that scrapes its pods and judges the
 * rules, hastened. What is asked of it later is about the run as a whole: `window`.
 *
 *   open: Redis, MariaDB, pods ──> Prometheus and phones side by side ──> phones speak
 */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seededRandom } from "#common/kernel/random.ts";
import { type BotSort, ChaosFleet } from "#scripts/chaos/fleet.ts";
import { History } from "#scripts/chaos/history.ts";
import { followLog } from "#scripts/chaos/pod-log.ts";
import { ChaosRecord } from "#scripts/chaos/record.ts";
import type { Facts, Scene } from "#scripts/chaos/scenario.ts";
import { scenarios } from "#scripts/chaos/scenarios/catalogue.ts";
import { Site, type SitePod, until } from "#scripts/chaos/site.ts";
import { Texts } from "#scripts/chaos/texts.ts";
import type { Child } from "#scripts/stack/child.ts";
import { freePort } from "#scripts/stack/free-port.ts";
import { PrometheusApi, prometheusServer, SCRAPE_EVERY_S } from "#scripts/stack/prometheus.ts";
import { hastenedRules } from "./hastened-rules.ts";

const SCRAPED_MS_MAX = 60_000;
const NO_BOTS: Readonly<Record<BotSort, number>> = { crowd: 0, pair: 0, alone: 0, idle: 0, stoppable: 0, spare: 0 };

export interface WatchPlan {
  readonly bots: Partial<Readonly<Record<BotSort, number>>>;
  readonly linesPerS: number;
  /** Settings of the pods. */
  readonly env?: Readonly<Record<string, string>>;
}

export class WatchedSite {
  readonly site: Site;
  readonly scene: Scene;
  #prometheus: { readonly child: Child; readonly api: PrometheusApi } | undefined;
  readonly #dir: string;
  readonly #ends: (() => void | Promise<void>)[] = [];
  #startedAt = 0;

  private constructor(site: Site, dir: string) {
    const run = randomBytes(4).toString("hex");
    const history = new History();
    const fleet = new ChaosFleet(history, new Texts(run));
    this.site = site;
    this.#dir = dir;
    this.scene = { site, fleet, history, run, random: seededRandom(1), stoppedMs: 5_000 };
  }

  /** @throws Error when anything does not start in time; nothing is left behind then */
  static async open(plan: WatchPlan): Promise<WatchedSite> {
    const dir = mkdtempSync(join(tmpdir(), "moa-watched-"));
    const { env = {} } = plan;
    const watched = new WatchedSite(await Site.prepare({ dir, topology: "single", gateways: 2, workers: 2, env }), dir);
    try {
      await watched.#start(plan);
      return watched;
    } catch (error) {
      await watched.close();
      throw error;
    }
  }

  get prometheus(): PrometheusApi {
    if (this.#prometheus === undefined) throw new Error("Prometheus was not started");
    return this.#prometheus.api;
  }

  /** From the start until now, epoch seconds. A step beyond now: the last one before it may not have seen the last scrape. */
  get window(): readonly [from: number, to: number] {
    return [this.#startedAt / 1_000, Date.now() / 1_000 + SCRAPE_EVERY_S];
  }

  get pods(): readonly SitePod[] {
    return this.site.pods;
  }

  /** A fault of the catalogue of chaos, on the first bot of its sort. @throws Error when it did not bite */
  async strike(name: string): Promise<Facts> {
    const scenario = scenarios[name];
    if (scenario === undefined) throw new Error(`there is no scenario ${name}`);
    if (scenario.on === "site") return scenario.strike(this.scene);
    const bot = this.scene.fleet.bots.find(({ sort }) => sort === scenario.on);
    if (bot === undefined) throw new Error(`${name} needs a bot of the sort ${scenario.on}`);
    return scenario.strike(this.scene, bot);
  }

  async close(): Promise<void> {
    for (const end of this.#ends) await end();
    await this.scene.fleet.close();
    await this.#prometheus?.child.stop();
    await this.site.stop();
    rmSync(this.#dir, { recursive: true, force: true });
  }

  async #start({ bots, linesPerS }: WatchPlan): Promise<void> {
    const { site, scene } = this;
    await site.start();
    this.#startedAt = Date.now();
    // It makes the table that the phones' bookings go to.
    const record = await ChaosRecord.open(site);
    this.#ends.push(() => record.close());
    this.#ends.push(...site.pods.map(({ logFile }) => followLog(logFile, scene.history)));
    const counts = { ...NO_BOTS, ...bots };
    const fleet = scene.fleet.open({ bridges: site.bridges, counts, linesPerS, run: scene.run });
    await Promise.all([fleet, this.#startPrometheus()]);
    scene.fleet.speak();
    // Increases are counted from the first scrape on.
    await until("every pod is scraped", SCRAPED_MS_MAX, async () => {
      return (await this.prometheus.value("sum(up)")) === site.pods.length;
    });
  }

  async #startPrometheus(): Promise<void> {
    const port = await freePort();
    const pods = [
      ...this.site.gateways.map(({ name, ports }) => ({
        name,
        role: "gateway" as const,
        opsPort: ports.ops as number,
      })),
      ...this.site.workers.map(({ name, ports }) => ({ name, role: "worker" as const, opsPort: ports.ops as number })),
    ];
    const logFile = join(this.#dir, "logs", "prometheus.log");
    const rules = [hastenedRules(this.#dir)];
    const child = prometheusServer({ dir: join(this.#dir, "prometheus"), port, logFile, pods, rules });
    this.#prometheus = { child, api: new PrometheusApi(port) };
    await child.start();
  }
}
