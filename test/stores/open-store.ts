/** A migrated database of its own and the way to it, for one test. */
import { Mysql, type MysqlOptions } from "#common/backends/mysql/mysql.ts";
import { systemClock } from "#common/backends/system/clock.ts";
import { systemRandom } from "#common/backends/system/random.ts";
import { createLogger } from "#common/observe/logger.ts";
import { createMetrics, type MetricsOfPod } from "#common/observe/metrics.ts";
import { migrate } from "#workers/stores/migrate.ts";
import type { Schema } from "#workers/stores/schema.ts";

export const log = createLogger("test", "silent");
export const clock = systemClock();

export interface OpenStore {
  readonly mysql: Mysql<Schema>;
  readonly textMysql: Mysql<Schema>;
  readonly metrics: MetricsOfPod;
  close(): Promise<void>;
}

export async function openStore(url: string, overrides: Partial<MysqlOptions> = {}): Promise<OpenStore> {
  const metrics = createMetrics(false);
  const tools = { clock, random: systemRandom(), metrics: metrics.metrics };
  const mysql = new Mysql<Schema>({ url, connectionsMax: 8, ...tools, ...overrides });
  const textMysql = new Mysql<Schema>({ url, connectionsMax: 2, textOnly: true, ...tools, ...overrides });
  await migrate(mysql.db, log);
  return {
    mysql,
    textMysql,
    metrics,
    close: async () => {
      await Promise.all([mysql.close(), textMysql.close()]);
    },
  };
}

/** The value of one series in what the pod exposes. */
export async function metric(metrics: MetricsOfPod, series: string): Promise<number> {
  const line = (await metrics.expose()).split("\n").find((one) => one.startsWith(`${series} `));
  return Number(line?.slice(series.length + 1) ?? Number.NaN);
}
