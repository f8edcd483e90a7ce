/** One line through real gateways and workers, as an OTLP endpoint sees it; and what is seen there whatever is sampled. */
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { traceOfTenure } from "#common/observe/traceparent.ts";
import { Phone } from "#scripts/phone/phone.ts";
import { type CollectedSpan, OtlpCollector } from "#scripts/stack/otlp-collector.ts";
import { logLinesOf } from "#test/fixtures/log-lines.ts";
import { moaOf, TOKEN } from "#test/fixtures/moa.ts";
import { freshBot, patience } from "#test/fixtures/raw-phone.ts";
import { stackOfTest } from "#test/fixtures/stack.ts";

const SAID = { room: "비밀 방", channel: "184001", sender: "홍길동", userHash: "a-person's-hash" };
const DEVICE = "a-phone's-device-id";
/** What spans may say: everything else needs a look at whether it names somebody. */
const ATTRIBUTES = [
  ...["messaging.system", "messaging.operation.name", "messaging.operation.type", "messaging.destination.template"],
  ...[
    "messaging.destination.partition.id",
    "messaging.message.id",
    "messaging.batch.message_count",
    "messaging.client.id",
  ],
  ...["moa.outcome", "moa.reason", "moa.epoch", "moa.epoch.from", "moa.operator.route", "error.type"],
];

let collector: OtlpCollector;

beforeAll(async () => {
  collector = await OtlpCollector.listen();
});
afterAll(() => collector?.close());

async function stackOf(traceRatio: number) {
  const traces = { MOA_OTLP_URL: collector.url, MOA_TRACE_RATIO: `${traceRatio}`, OTEL_BSP_SCHEDULE_DELAY: "100" };
  const env = { ...traces, MOA_OPS_TOKEN: TOKEN, MOA_LOG_LEVEL: "debug" };
  const { stack, dir } = await stackOfTest({ gateways: 2, workers: 2, env });
  const moa = (...words: readonly string[]) => moaOf([...stack.gateways, ...stack.workers])(...words);
  const bot = freshBot();
  const shown: string[] = [];
  const phones = stack.gateways.map(({ ports }, i) => {
    const place = { host: "127.0.0.1", port: ports.bridge as number };
    const phone = new Phone({ ...place, bot, device: `${DEVICE} ${i}`, dialect: "v333", hurry: 10 });
    phone.events.on("shown", ({ text }) => shown.push(String(text)));
    onTestFinished(() => phone.close());
    return phone;
  });
  for (const [i, phone] of phones.entries()) {
    phone.connect();
    // One after the other: the first writes.
    const all = async () => expect((await moa("why", bot, "--json")).json.candidates).toHaveLength(i + 1);
    await vi.waitFor(all, patience);
  }
  const ask = async (i: number, text: string) => {
    phones[i]?.say({ ...SAID, text: `# echo ${text}` });
    await vi.waitFor(() => expect(shown).toContain(`에코: ${text}`), patience);
  };
  return { bot, dir, moa, ask };
}

function linksTo(span: CollectedSpan | undefined, other: CollectedSpan | undefined): boolean {
  return span?.links.some(({ traceId, spanId }) => traceId === other?.traceId && spanId === other.spanId) ?? false;
}

test("a line is one connected trace over three pods, and the pods' log lines about it name it", async () => {
  const { dir, ask } = await stackOf(1);
  const before = collector.spans.length;
  // The second phone stands by: what it reports is answered by the first, on the other gateway.
  await ask(1, "traced");
  await vi.waitFor(() => expect(collector.named("ack out:{bot}")).toHaveLength(1), patience);
  const chain: CollectedSpan[] = [];
  for (let next = collector.named("receive bridge")[0]; next !== undefined; ) {
    chain.push(next);
    const children = collector.childrenOf(next);
    expect(children.length).toBeLessThanOrEqual(1);
    next = children[0];
  }
  expect(chain.map(({ name }) => name)).toEqual([
    ...["receive bridge", "send in:{lane}", "process in:{lane}"],
    ...["send out:{bot}", "process out:{bot}", "ack out:{bot}"],
  ]);
  expect(chain[0]?.parentSpanId).toBeUndefined();
  expect(chain.map(({ attributes }) => attributes["messaging.client.id"])).toEqual([
    ...["gateway-2", "gateway-2", expect.stringMatching(/^worker-/)],
    ...[expect.stringMatching(/^worker-/), "gateway-1", "gateway-1"],
  ]);
  const [received, append, turn, , write] = chain;
  expect(turn?.attributes).toMatchObject({
    "moa.outcome": "handled",
    "messaging.message.id": received?.attributes["messaging.message.id"],
  });
  const starts = chain.map(({ startTimeUnixNano }) => Number(BigInt(startTimeUnixNano) / 1_000_000n));
  expect(starts).toEqual(starts.toSorted((a, b) => a - b));

  const [read] = collector.named("receive in:{lane}");
  expect([linksTo(read, append), linksTo(turn, read), read?.attributes["messaging.batch.message_count"]]).toEqual([
    true,
    true,
    1,
  ]);
  expect(write?.links).toHaveLength(1);

  const logs = ["worker-1", "worker-2"].flatMap((pod) => logLinesOf(dir, pod));
  const decided = logs.filter(({ msg }) => msg === "turn decided");
  expect(decided).toMatchObject([{ trace_id: turn?.traceId, span_id: turn?.spanId }]);

  const keys = new Set(collector.spans.slice(before).flatMap(({ attributes }) => Object.keys(attributes)));
  expect([...keys].filter((key) => !ATTRIBUTES.includes(key))).toEqual([]);
  const sent = collector.bodies.join("");
  for (const secret of [...Object.values(SAID), DEVICE, "traced", "raw-bot"]) expect(sent).not.toContain(secret);
});

test("a failover and an operator's act are there though no line is sampled, linked to the tenures around them", async () => {
  const { bot, dir, moa, ask } = await stackOf(0);
  const before = collector.spans.length;
  expect((await moa("failover", bot)).code).toBe(0);
  await ask(0, "unsampled");
  expect((await moa("drain", "gateway-2")).code).toBe(0);
  await ask(0, "behind the drain");
  const since = () => collector.spans.slice(before);
  const named = (name: string) => since().filter((span) => span.name === name);
  await vi.waitFor(() => {
    expect(named("writer.failover")).toHaveLength(2);
    expect(named("operator")).toHaveLength(2);
    expect(named("writer.tenure").length).toBeGreaterThan(1);
  }, patience);

  const [first, second] = named("writer.failover").toSorted(
    (a, b) => Number(a.attributes["moa.epoch"]) - Number(b.attributes["moa.epoch"]),
  );
  expect(first).toMatchObject({
    attributes: { "moa.reason": "operator", "moa.outcome": "ok" },
    events: ["T0", "T1", "T2", "T3", "T4"],
  });
  expect(second?.attributes["moa.reason"]).toBe("drain");
  const tenure = (epoch: unknown) => named("writer.tenure").find(({ attributes }) => attributes["moa.epoch"] === epoch);
  const former = tenure(first?.attributes["moa.epoch.from"]);
  expect(former).toBeDefined();
  expect(`00-${former?.traceId}-${former?.spanId}-01`).toBe(
    traceOfTenure(bot, Number(former?.attributes["moa.epoch"])),
  );
  expect([linksTo(first, former), linksTo(first, tenure(first?.attributes["moa.epoch"]))]).toEqual([true, true]);

  const routes = named("operator").map(({ attributes }) => attributes["moa.operator.route"]);
  expect(routes).toEqual(["POST writer/failover", "POST drain"]);
  expect(
    since().some(({ name }) => name.endsWith("{lane}") || name.endsWith("{bot}") || name.startsWith("receive")),
  ).toBe(false);

  const told = ["gateway-1", "gateway-2"]
    .flatMap((pod) => logLinesOf(dir, pod))
    .filter(({ msg }) => msg === "writer.failover");
  expect(told.map(({ trace_id }) => trace_id).toSorted()).toEqual(
    [first, second].map((span) => span?.traceId).toSorted(),
  );
});
