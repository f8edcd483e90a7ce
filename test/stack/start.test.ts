/** `npm start` as a person uses it: a real npm, a real shell, a terminal's Ctrl-C. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, onTestFailed, onTestFinished, test, vi } from "vitest";
import { freePort } from "#scripts/stack/free-port.ts";
import type { StackState } from "#scripts/stack/state.ts";
import { ask } from "#test/fixtures/mariadb.ts";

const ROOT = resolve(import.meta.dirname, "../..");

interface ReadyLine extends Pick<StackState, "ports" | "pids"> {
  readonly ready: true;
}

class Start {
  readonly npm: ChildProcess;
  output = "";

  constructor(dir: string, ...args: string[]) {
    const env = { ...process.env, MOA_DATA_DIR: dir };
    this.npm = spawn("npm", ["start", "--silent", "--", ...args], { cwd: ROOT, env, detached: true });
    for (const stream of [this.npm.stdout, this.npm.stderr]) stream?.on("data", (part) => (this.output += part));
    onTestFailed(() => void process.stderr.write(this.output));
    onTestFinished(() => this.interrupt("SIGKILL"));
  }

  /** To the whole group, as a terminal does. */
  interrupt(signal: NodeJS.Signals = "SIGINT"): void {
    if (this.#isRunning && this.npm.pid !== undefined) process.kill(-this.npm.pid, signal);
  }

  async ready(): Promise<ReadyLine> {
    const ended = this.ended();
    for (;;) {
      const line = this.output.split("\n").find((one) => one.startsWith('{"ready":true'));
      if (line?.endsWith("}")) return JSON.parse(line);
      const next = await Promise.race([once(this.npm.stdout as NodeJS.ReadableStream, "data"), ended]);
      if (typeof next === "number") throw new Error(`npm start ended with ${next}: ${this.output}`);
    }
  }

  async ended(): Promise<number | null> {
    if (this.#isRunning) await once(this.npm, "exit");
    return this.npm.exitCode;
  }

  get #isRunning(): boolean {
    return this.npm.exitCode === null && this.npm.signalCode === null;
  }
}

function dataDir(): string {
  const dir = mkdtempSync(join(tmpdir(), "moa-start-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return false;
  }
}

test("npm start shows a conversation, says where everything is, and Ctrl-C leaves nothing", async () => {
  const dir = dataDir();
  const start = new Start(dir, "--gateways", "2", "--workers", "2", "--port", "0");
  const { ports, pids } = await start.ready();

  expect(start.output).toContain("phone  # echo 안녕하세요");
  expect(start.output).toContain("bot    에코: 안녕하세요");
  expect(Object.keys(pids)).toEqual(["start", "redis", "mariadb", "worker-1", "worker-2", "gateway-1", "gateway-2"]);
  expect(start.output).not.toMatch(/mysql:\/\/moa:(?!\*\*\*)/);
  expect(ports.bridges).toHaveLength(2);
  expect(ports.bridges[0]).toBe(ports.bridge);
  expect(await Promise.all(ports.bridges.map(answers))).toEqual([true, true]);
  expect((await fetch(`http://127.0.0.1:${ports.ops}/readyz`)).status).toBe(200);

  const second = new Start(dir, "--port", "0");
  expect(await second.ended()).toBe(1);
  expect(second.output).toContain("another stack is running on");

  const before = performance.now();
  start.interrupt();
  expect(await start.ended()).toBe(0);
  expect(performance.now() - before).toBeLessThan(10_000);
  expect(start.output).not.toContain("died");
  expect(Object.values(pids).filter(isRunning)).toEqual([]);
  expect(await answers(ports.bridge)).toBe(false);
});

test("a killed stack leaves no process behind, and the next one goes on with its data", async () => {
  const dir = dataDir();
  const chatLogRows = async () => {
    const { mysqlUrl } = JSON.parse(readFileSync(join(dir, "stack.json"), "utf8")) as StackState;
    return (await ask(mysqlUrl, "SELECT message FROM kb_chat_logs")).length;
  };
  const killed = new Start(dir, "--port", "0");
  const { pids } = await killed.ready();
  await expect.poll(chatLogRows, { timeout: 15_000 }).toBe(2);
  process.kill(pids.start as number, "SIGKILL");
  await expect.poll(() => Object.values(pids).filter(isRunning), { timeout: 5_000 }).toEqual([]);

  const next = new Start(dir, "--port", "0");
  await next.ready();
  await expect.poll(chatLogRows, { timeout: 15_000 }).toBe(4);
  // To npm alone, as an init system does.
  next.npm.kill("SIGTERM");
  expect(await next.ended()).toBe(0);
});

test("the death of a part is told with the end of its log, and stops the others", async () => {
  const start = new Start(dataDir(), "--port", "0");
  const { pids } = await start.ready();
  process.kill(pids["worker-1"] as number, "SIGKILL");
  expect(await start.ended()).toBe(1);
  expect(start.output).toContain("worker-1 died (SIGKILL); the end of");
  expect(Object.values(pids).filter(isRunning)).toEqual([]);
});

test("a taken port is told with the way out, before anything is started; where phones are not let in unasked none is shown", async () => {
  const dir = dataDir();
  const port = await freePort();
  vi.stubEnv("MOA_APPROVAL", "operator");
  onTestFinished(() => void vi.unstubAllEnvs());
  const first = new Start(dataDir(), "--port", `${port}`);
  await first.ready();
  expect(first.output).toContain("devices list --status pending");
  const start = new Start(dir, "--port", `${port}`);
  expect(await start.ended()).toBe(1);
  expect(start.output).toContain(`port ${port} of 127.0.0.1 is taken`);
  expect(start.output).toContain("npm start -- --port 1491");
  first.interrupt();
  expect(await first.ended()).toBe(0);
});

test("wrong wishes are told with the usage", async () => {
  for (const wrong of [["--gateways", "0"], ["--port", "99999"], ["--workers=x"], ["--nonsense"]]) {
    const start = new Start(dataDir(), ...wrong);
    expect(await start.ended()).toBe(1);
    expect(start.output).toMatch(/moa cannot start: config_invalid/);
    expect(start.output).toContain(wrong[0]?.split("=")[0]);
  }
});
