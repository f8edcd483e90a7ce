import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { seededRandom } from "#common/kernel/random.ts";
import { startTracing } from "#common/observe/tracing.ts";

const base = { service: "gateway", pod: "gateway-1", random: seededRandom(1) } as const;

interface ExportedSpan {
  name: string;
  traceId: string;
  parentSpanId?: string;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
}

test("without an endpoint nothing is sampled", async () => {
  const tracing = await startTracing({ ...base, otlpUrl: "", traceRatio: 1 });
  expect(tracing.newTrace()).toBeUndefined();
});

test("a step joins the trace of its message and arrives at the endpoint with its own times", async () => {
  const bodies: string[] = [];
  const server = createServer(async (request, response) => {
    bodies.push((await request.toArray()).join(""));
    response.setHeader("content-type", "application/json").end("{}");
  }).listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const otlpUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces`;
  const tracing = await startTracing({ ...base, otlpUrl, traceRatio: 1 });

  const trace = tracing.newTrace();
  expect(trace).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  tracing.record("turn", trace, { startedAt: 1_700_000_000_000, endedAt: 1_700_000_000_005 });
  tracing.record("turn", undefined, { startedAt: 1, endedAt: 2 });
  tracing.record("turn", "99-of-a-later-version", { startedAt: 1, endedAt: 2 });
  await tracing.stop();

  const spans = bodies.flatMap((body) => JSON.parse(body).resourceSpans[0].scopeSpans[0].spans as ExportedSpan[]);
  expect(spans.map((span) => span.name).sort()).toEqual(["accepted", "turn"]);
  const turn = spans.find((span) => span.name === "turn");
  expect(`00-${turn?.traceId}-${turn?.parentSpanId}-01`).toBe(trace);
  expect(turn?.startTimeUnixNano).toBe("1700000000000000000");
  expect(turn?.endTimeUnixNano).toBe("1700000000005000000");
});

test("the ratio decides which share of messages is traced", async () => {
  const never = await startTracing({ ...base, otlpUrl: "http://127.0.0.1:9/", traceRatio: 0 });
  expect(Array.from({ length: 100 }, () => never.newTrace()).filter(Boolean)).toEqual([]);
  await never.stop();
});
