import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { MoaError } from "#common/kernel/errors.ts";
import { ask, type MariaDb, startMariaDb } from "#test/fixtures/mariadb.ts";
import { metric, type OpenStore, openStore } from "./open-store.ts";

let server: MariaDb;
let url: string;
let store: OpenStore;

beforeAll(async () => {
  server = await startMariaDb();
  url = await server.database("moa");
  store = await openStore(url, { callMsMax: 1_000 });
  await ask(url, "CREATE TABLE two (id INT PRIMARY KEY, n INT)");
  await ask(url, "INSERT INTO two VALUES (1, 0), (2, 0)");
});
afterAll(async () => {
  await store.close();
  await server.stop();
});

const one = () => store.mysql.run(() => sql`SELECT 1`.execute(store.mysql.db));
const failure = (work: Promise<unknown>) =>
  work.then(
    () => "no failure",
    (error) => (error instanceof MoaError ? error.code : error),
  );

test("a server that hangs costs each call its deadline, then all goes on", async () => {
  await one();
  await server.pause();
  const startMs = performance.now();
  // More than there are connections: those that wait for one fail in time as well.
  const codes = await Promise.all(Array.from({ length: 20 }, () => failure(one())));
  server.wake();
  expect(new Set(codes)).toEqual(new Set(["mysql_unavailable"]));
  expect(performance.now() - startMs).toBeLessThan(5_000);
  await expect.poll(() => failure(one()), { timeout: 3_000 }).toBe("no failure");
});

test("a killed server fails calls at once, also in the middle of a transaction, and is found again", async () => {
  const midway = failure(
    store.mysql.run(() =>
      store.mysql.db.transaction().execute(async (tx) => {
        await sql`UPDATE two SET n = 99 WHERE id = 1`.execute(tx);
        await server.kill();
        await sql`UPDATE two SET n = 99 WHERE id = 2`.execute(tx);
      }),
    ),
  );
  expect(await midway).toBe("mysql_unavailable");
  expect(await failure(one())).toBe("mysql_unavailable");
  await server.restart();
  await expect.poll(() => failure(one()), { timeout: 3_000 }).toBe("no failure");
  expect(await ask(url, "SELECT n FROM two")).toEqual([{ n: 0 }, { n: 0 }]);
});

test("transactions that deadlock are made again until all are through", async () => {
  const add = (first: number, second: number) =>
    store.mysql.run(() =>
      store.mysql.db.transaction().execute(async (tx) => {
        await sql`UPDATE two SET n = n + 1 WHERE id = ${first}`.execute(tx);
        await sql`DO SLEEP(0.002)`.execute(tx);
        await sql`UPDATE two SET n = n + 1 WHERE id = ${second}`.execute(tx);
      }),
    );
  const before = await metric(store.metrics, 'moa_mysql_errors_total{code="deadlock"}');
  for (let n = 0; n < 20; n++) await Promise.all([add(1, 2), add(2, 1)]);
  expect(await ask(url, "SELECT n FROM two")).toEqual([{ n: 40 }, { n: 40 }]);
  expect(await metric(store.metrics, 'moa_mysql_errors_total{code="deadlock"}')).toBeGreaterThan(before);
});

test("every connection is UTC, strict, takes backslash escapes and locks no row it only looked at", async () => {
  const asked = sql<object>`SELECT @@sql_mode AS mode, @@time_zone AS zone, @@tx_isolation AS isolation, "🎉" AS emoji`;
  const { rows } = await asked.execute(store.textMysql.db);
  expect(rows).toEqual([
    {
      mode: "STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION",
      zone: "+00:00",
      isolation: "READ-COMMITTED",
      emoji: "🎉",
    },
  ]);
});

test("close ends within two seconds when the server hangs", async () => {
  const other = await openStore(url);
  await sql`SELECT 1`.execute(other.mysql.db);
  await server.pause();
  const startMs = performance.now();
  await other.close();
  server.wake();
  expect(performance.now() - startMs).toBeLessThan(3_000);
});
