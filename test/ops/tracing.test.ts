/** The tracing of one pod against an endpoint of its own: what is sampled, what is sent, what is counted. */
import { expect, onTestFinished, test, vi } from "vitest";
import { limits } from "#common/contract/limits.ts";
import { seededRandom } from "#common/kernel/random.ts";
import { createMetrics } from "#common/observe/metrics.ts";
import { type SpanName, spanCatalogue } from "#common/observe/span-catalogue.ts";
import { startTracing } from "#common/observe/tracing.ts";
import { OtlpCollector } from "#scripts/stack/otlp-collector.ts";
import { patience } from "#test/fixtures/raw-phone.ts";

const PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331";

function tracingTo(otlpUrl: string, traceRatio = 1) {
  const { metrics, expose } = createMetrics(false);
  const spans = async (result: string) =>
    Number(new RegExp(`moa_trace_spans_total{result="${result}"} (\\d+)`).exec(await expose())?.[1]);
  const started = startTracing({
    otlpUrl,
    traceRatio,
    service: "gateway",
    pod: "gateway-1",
    random: seededRandom(1),
    metrics,
  });
  return { started, spans };
}

test("without an endpoint nothing is sampled and nothing is made, also of what is always traced", async () => {
  const tracing = await tracingTo("").started;
  expect([
    tracing.samples(),
    tracing.root("failover", { at: 1 }),
    tracing.next("turn", `${PARENT}-01`, { at: 1 }),
  ]).toEqual([false, undefined, undefined]);
});

test("of 10,000 lines about one in a hundred is sampled at 1 %", async () => {
  const tracing = await tracingTo("http://127.0.0.1:9/", 0.01).started;
  const sampled = Array.from({ length: 10_000 }, () => tracing.samples()).filter(Boolean).length;
  expect(sampled).toBeGreaterThan(70);
  expect(sampled).toBeLessThan(130);
  await tracing.stop();
});

test("a pod follows the flag of its parent whatever its own share is, and no other version's traceparent", async () => {
  const collector = await OtlpCollector.listen();
  onTestFinished(() => collector.close());
  const tracing = await tracingTo(collector.url, 0).started;
  expect(tracing.next("turn", `${PARENT}-00`, { at: 1 })).toBeUndefined();
  expect(tracing.next("turn", "99-of-a-later-version", { at: 1 })).toBeUndefined();
  const span = tracing.next("turn", `${PARENT}-01`, { at: 1_700_000_000_000, links: [`${PARENT}-01`, `${PARENT}-00`] });
  span?.event("here", 1_700_000_000_001);
  span?.end(1_700_000_000_005, { "error.type": "turn_failed" });
  await tracing.stop();
  expect(collector.spans).toMatchObject([
    {
      service: "moa-gateway",
      traceId: "0af7651916cd43dd8448eb211c80319c",
      parentSpanId: "b7ad6b7169203331",
      startTimeUnixNano: "1700000000000000000",
      endTimeUnixNano: "1700000000005000000",
      events: ["here"],
      links: [{ spanId: "b7ad6b7169203331" }],
      isError: true,
    },
  ]);
  expect(span?.trace).toBe(`00-0af7651916cd43dd8448eb211c80319c-${collector.spans[0]?.spanId}-01`);
});

test("a root has the ids that are given to it, and else ids of its own", async () => {
  const collector = await OtlpCollector.listen();
  onTestFinished(() => collector.close());
  const tracing = await tracingTo(collector.url).started;
  tracing.root("tenure", { at: 1 }, `${PARENT}-01`)?.end(2);
  tracing.root("failover", { at: 1 })?.end(2);
  await tracing.stop();
  const [own, other] = collector.spans;
  expect(own).toMatchObject({ traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" });
  expect(other?.traceId).toMatch(/^[0-9a-f]{32}$/);
  expect(other?.traceId).not.toBe(own?.traceId);
  expect([own?.parentSpanId, other?.parentSpanId]).toEqual([undefined, undefined]);
});

test("every span of the catalogue is sent under its name and kind", async () => {
  const collector = await OtlpCollector.listen();
  onTestFinished(() => collector.close());
  const tracing = await tracingTo(collector.url).started;
  const names = Object.keys(spanCatalogue) as SpanName[];
  for (const name of names) tracing.root(name, { at: 1 })?.end(2);
  await tracing.stop();
  const kinds = ["INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"];
  const sent = collector.spans.map(({ name, kind }) => [name, kinds[kind - 1]]);
  expect(sent).toEqual(names.map((name) => [spanCatalogue[name].name, spanCatalogue[name].kind]));
});

test("what an endpoint has not taken is bounded, and what is beyond that is counted as dropped", async () => {
  const { started, spans } = tracingTo("http://127.0.0.1:9/");
  const tracing = await started;
  const beyond = 10;
  for (let i = 0; i < limits.spansWaitingMax + beyond; i++) tracing.root("failover", { at: 1 })?.end(2);
  expect(await spans("dropped")).toBe(beyond);
  await tracing.stop().catch(() => {});
  await vi.waitFor(async () => expect(await spans("failed")).toBe(limits.spansWaitingMax), patience);
  expect(await spans("sent")).toBe(0);
});
