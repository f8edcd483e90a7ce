import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "#common/backends/system/clock.ts";
import type { Clock } from "#common/kernel/clock.ts";
import { createLogger } from "#common/observe/logger.ts";
import { createMetrics } from "#common/observe/metrics.ts";
import { OpsServer } from "#common/observe/ops-server.ts";

async function serve(over: { ready?: boolean; started?: boolean; expose?: () => Promise<string>; clock?: Clock } = {}) {
  const pod = createMetrics(false);
  const server = new OpsServer({
    host: "127.0.0.1",
    port: 0,
    clock: over.clock ?? systemClock(),
    log: createLogger("pod", "silent"),
    ready: () => over.ready ?? true,
    started: () => over.started ?? true,
    metrics: { expose: over.expose ?? pod.expose, contentType: pod.contentType },
  });
  await server.start();
  onTestFinished(() => server.stop());
  return (path: string, method = "GET") => fetch(`http://127.0.0.1:${server.port}${path}`, { method });
}

test("each probe answers for itself", async () => {
  const get = await serve({ ready: false });
  expect((await get("/livez")).status).toBe(200);
  expect((await get("/readyz")).status).toBe(503);
  expect((await get("/startupz?verbose")).status).toBe(200);
});

test("/metrics has every series of the catalogue before anything happened", async () => {
  const get = await serve();
  const response = await get("/metrics");
  expect(response.headers.get("content-type")).toContain("text/plain");
  expect(await response.text()).toContain('moa_connections_closed_total{reason="drain"} 0');
});

test("anything else is refused and a failing scrape is an error, not a crash", async () => {
  const get = await serve({ expose: () => Promise.reject(new Error("broken")) });
  expect((await get("/")).status).toBe(404);
  expect((await get("/livez", "POST")).status).toBe(405);
  expect((await get("/metrics")).status).toBe(500);
  expect((await get("/livez")).status).toBe(200);
});

test("a taken port is one clear error", async () => {
  const get = await serve();
  const taken = Number(new URL((await get("/livez")).url).port);
  const metrics = createMetrics(false);
  const log = createLogger("pod", "silent");
  const rules = { ready: () => true, started: () => true };
  const second = new OpsServer({ host: "127.0.0.1", port: taken, clock: systemClock(), log, metrics, ...rules });
  await expect(second.start()).rejects.toThrow(`server_unfit: the ops port 127.0.0.1:${taken} cannot be opened`);
});

test("stop ends at once although a connection is kept alive", async () => {
  const pod = createMetrics(false);
  const log = createLogger("pod", "silent");
  const rules = { ready: () => true, started: () => true };
  const server = new OpsServer({ host: "127.0.0.1", port: 0, clock: systemClock(), log, metrics: pod, ...rules });
  await server.start();
  await fetch(`http://127.0.0.1:${server.port}/livez`);
  const before = performance.now();
  await server.stop();
  expect(performance.now() - before).toBeLessThan(1_000);
});

test("/livez fails after three ticks in a row that were more than ten seconds late, and one good tick heals it", async () => {
  let nowMs = 0;
  let tick = () => {};
  const clock: Clock = {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
    after: (_, then) => {
      tick = then;
      return () => {};
    },
  };
  const get = await serve({ clock });
  const after = async (ms: number) => {
    nowMs += ms;
    tick();
    return (await get("/livez")).status;
  };
  expect([await after(11_500), await after(11_500), await after(11_500)]).toEqual([200, 200, 503]);
  expect(await after(1_200)).toBe(200);
});
