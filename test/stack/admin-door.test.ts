/** The door to /admin/*: what it lets in, and what it costs to knock. */
import { once } from "node:events";
import { connect } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "#common/backends/system/clock.ts";
import type { Clock } from "#common/kernel/clock.ts";
import { MoaError } from "#common/kernel/errors.ts";
import { AdminDoor, type AdminRoutes } from "#common/observe/admin-door.ts";
import { createLogger } from "#common/observe/logger.ts";
import { createMetrics } from "#common/observe/metrics.ts";
import { OpsServer } from "#common/observe/ops-server.ts";
import { noTracing } from "#common/observe/tracing.ts";

const TOKEN = "a-token-of-this-test";
const routes: AdminRoutes = {
  "GET echo": async ({ query, by }) => ({ said: query.get("say"), by }),
  "POST echo": async ({ body }) => ({ body }),
  "GET broken": async () => {
    throw new TypeError("of the inside: not for others");
  },
  "GET away": async () => {
    throw new MoaError("mysql_unavailable", "nobody there");
  },
  "GET much": async () => ({ text: "x".repeat(5 * 1024 * 1024) }),
};

async function serve(token: string | null = TOKEN, clock: Clock = systemClock()) {
  const pod = createMetrics(false);
  const log = createLogger("pod", "silent");
  const server = new OpsServer({
    ...{ host: "127.0.0.1", port: 0, clock, log, ready: () => true, started: () => true, metrics: pod },
    admin: token === null ? undefined : new AdminDoor({ token, routes, clock, log, tracing: noTracing }),
  });
  await server.start();
  onTestFinished(() => server.stop());
  const url = `http://127.0.0.1:${server.port}`;
  const ask = async (path: string, init: RequestInit = {}) => {
    const headers = { authorization: `Bearer ${TOKEN}`, ...init.headers };
    const response = await fetch(`${url}/admin/${path}`, { ...init, headers });
    return { status: response.status, body: await response.text() };
  };
  return { ask, url, port: server.port };
}

test("without a token the paths do not exist, and the probes stay open to all with one", async () => {
  const { ask } = await serve(null);
  expect((await ask("echo")).status).toBe(404);
  const { url } = await serve();
  expect((await fetch(`${url}/livez`)).status).toBe(200);
  expect((await fetch(`${url}/metrics`)).status).toBe(200);
});

test.each(["", "Bearer", `Bearer ${TOKEN}x`, `Bearer ${TOKEN.slice(1)}`, `Basic ${TOKEN}`, `bearer ${TOKEN}`])(
  "authorization %j is refused before anything else is looked at",
  async (authorization) => {
    const { ask } = await serve();
    for (const path of ["echo", "nowhere"]) {
      const { status, body } = await ask(path, { headers: { authorization } });
      expect([status, JSON.parse(body).error.code]).toEqual([401, "not_authorised"]);
    }
  },
);

test("who asks is what their tool says beside the address that we saw", async () => {
  const { ask } = await serve();
  const who = encodeURIComponent("홍길동@office");
  const { body } = await ask("echo?say=hi", { headers: { "x-moa-who": who } });
  expect(JSON.parse(body)).toEqual({ said: "hi", by: { who: "홍길동@office", from: "127.0.0.1" } });
  const odd = await ask("echo", { headers: { "x-moa-who": "%E0%A4%A" } });
  expect(JSON.parse(odd.body).by.who).toBe("unknown");
});

test.each([
  ["not JSON", "{"],
  ["no object", "[1]"],
  ["null", "null"],
  ["too long", JSON.stringify({ x: "y".repeat(17 * 1024) })],
])("a body that is %s is refused and said to be", async (_, body) => {
  const { ask } = await serve();
  expect(await ask("echo", { method: "POST", body })).toMatchObject({
    status: 400,
    body: expect.stringContaining("asked_wrongly"),
  });
});

test("names of the language are fields like any other, and no routes", async () => {
  const { ask } = await serve();
  const { status, body } = await ask("echo", { method: "POST", body: '{"__proto__":{"polluted":1}}' });
  expect([status, body.trim()]).toEqual([200, '{"body":{"__proto__":{"polluted":1}}}']);
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  expect((await ask("constructor")).status).toBe(404);
});

test("what breaks inside is not told, what is away is, and an answer has a bound", async () => {
  const { ask } = await serve();
  const broken = await ask("broken");
  expect([broken.status, broken.body]).toEqual([503, expect.not.stringContaining("inside")]);
  expect(await ask("away")).toMatchObject({ status: 503, body: expect.stringContaining("mysql_unavailable") });
  expect(await ask("much")).toMatchObject({ status: 400, body: expect.stringContaining("ask for fewer") });
});

test("a body that never comes is waited for no longer than an answer may take", async () => {
  const system = systemClock();
  const waits: number[] = [];
  const soon: Clock = {
    ...system,
    after: (ms, then) => {
      waits.push(ms);
      return system.after(Math.min(ms, 50), then);
    },
  };
  const { port } = await serve(TOKEN, soon);
  const socket = connect(port, "127.0.0.1").setEncoding("utf8");
  onTestFinished(() => void socket.destroy());
  const head = ["POST /admin/echo HTTP/1.1", "host: x", `authorization: Bearer ${TOKEN}`, "content-length: 9"];
  socket.write(`${head.join("\r\n")}\r\n\r\n{`);
  const [answer] = await once(socket, "data");
  expect(answer).toMatch(/^HTTP\/1.1 503 [\s\S]*deadline_passed/);
  expect(waits).toContain(15_000);
});
