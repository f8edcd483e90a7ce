/** `moa top` on a terminal of 80 columns against real pods, one of which dies; and what scripts get of it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { Phone } from "#scripts/phone/phone.ts";
import { moaOf, TOKEN } from "#test/fixtures/moa.ts";
import { freshBot, patience } from "#test/fixtures/raw-phone.ts";
import { stackOfFile } from "#test/fixtures/stack.ts";

const MAIN = join(import.meta.dirname, "../../console/cli/main.ts");
const COLUMNS = 80;
const ESCAPE = String.fromCharCode(27);

let world: Awaited<ReturnType<typeof stackOfFile>>;

beforeAll(async () => {
  world = await stackOfFile({ gateways: 2, workers: 1, env: { MOA_OPS_TOKEN: TOKEN } });
});
afterAll(() => world?.remove());

const pods = () => [...world.stack.gateways, ...world.stack.workers];

/** The command on a terminal of its own, made by util-linux' script. */
class Watched {
  readonly #process;
  readonly #ended: Promise<unknown[]>;
  output = "";

  constructor() {
    const urls = pods().map(({ ports }) => `http://127.0.0.1:${ports.ops}`);
    const env = { ...process.env, MOA_OPS_URL: urls.join(","), MOA_OPS_TOKEN: TOKEN };
    const command = `stty cols ${COLUMNS} rows 24; exec ${process.execPath} ${MAIN} top`;
    this.#process = spawn("script", ["-qefc", command, "/dev/null"], { env, stdio: ["pipe", "pipe", "inherit"] });
    this.#process.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.output += text;
    });
    this.#ended = once(this.#process, "close");
    onTestFinished(() => void this.#process.kill());
  }

  /** The last whole picture, without what steers the terminal. */
  get picture(): readonly string[] {
    const pictures = this.output.split(`${ESCAPE}[J`).slice(0, -1);
    const last = pictures.at(-1)?.split(`${ESCAPE}[H`).at(-1) ?? "";
    return last.replaceAll(`${ESCAPE}[K`, "").split(/\r?\n/);
  }

  get pictures(): number {
    return this.output.split(`${ESCAPE}[J`).length - 1;
  }

  async press(key: string): Promise<unknown> {
    this.#process.stdin.write(key);
    return (await this.#ended)[0];
  }

  async shows(text: string | RegExp): Promise<void> {
    await vi.waitFor(() => expect(this.picture.join("\n")).toMatch(text), patience);
  }
}

test("the picture has every pod, lane and writer, is made anew, survives a pod's death, and ends on q", async () => {
  const phone = new Phone({
    ...{ host: "127.0.0.1", port: world.stack.gateways[0]?.ports.bridge as number },
    ...{ bot: freshBot(), device: "one", dialect: "v333" },
  });
  onTestFinished(() => phone.close());
  phone.connect();
  const top = new Watched();
  await top.shows(/gateway-1 +ready .*\n.*gateway-2 +ready/);
  await top.shows(/worker-1 +ready +\S+ +\d+ +\d+ +16 /);
  await top.shows(/WRITERS +1 write, 0 stand by/);
  await top.shows(/LANES owner/);
  expect(top.picture.filter((line) => line.length > COLUMNS)).toEqual([]);
  const seen = top.pictures;
  await vi.waitFor(() => expect(top.pictures).toBeGreaterThan(seen + 1), patience);

  await world.stack.gateways[1]?.child.kill();
  await top.shows(/gateway-2 +AWAY/);
  expect(top.picture.join("\n")).toMatch(/3 pods, 1 AWAY/);
  expect(top.picture.join("\n")).toMatch(/gateway-1 +ready/);
  await world.stack.gateways[1]?.child.start();
  await top.shows(/gateway-2 +ready/);

  expect(await top.press("q")).toBe(0);
  expect(top.output.endsWith(`${ESCAPE}[?25h`)).toBe(true);
});

test("a pod that stands still is away, and the others are still looked at; Ctrl-C ends it as well", async () => {
  const top = new Watched();
  await top.shows(/gateway-1 +ready/);
  const still = world.stack.gateways[0]?.child;
  await still?.pause();
  onTestFinished(() => still?.signal("SIGCONT"));
  await top.shows(/gateway-1 +AWAY/);
  const seen = top.pictures;
  await vi.waitFor(() => expect(top.pictures).toBeGreaterThan(seen + 1), patience);
  expect(top.picture.join("\n")).toMatch(/worker-1 +ready/);
  expect(await top.press("\x03")).toBe(0);
  expect(top.output.endsWith(`${ESCAPE}[?25h`)).toBe(true);
  still?.signal("SIGCONT");
});

test("scripts get one object with rates in it, a file the picture once, and exit code 5 names who is away", async () => {
  const moa = moaOf(pods());
  await vi.waitFor(async () => {
    const { code, json } = await moa("top", "--json");
    expect([code, json]).toMatchObject([
      0,
      {
        pods: [
          { pod: "gateway-1", state: "ready", cpuPercent: expect.any(Number) },
          { pod: "gateway-2" },
          { pod: "worker-1", lanes: 16 },
        ],
      },
    ]);
    expect(json.lanes).toHaveLength(16);
  }, patience);
  const once = await moa("top", "--once");
  expect([once.code, once.out.split("\n")[0]]).toEqual([0, expect.stringMatching(/^moa top .* 3 pods {2}in/)]);
  expect(once.out).not.toContain(ESCAPE);
  await world.stack.workers[0]?.child.kill();
  const without = await moa("top", "--json");
  expect([without.code, without.json]).toMatchObject([5, { lanes: null }]);
  expect(without.err).toMatch(/not complete: 127[.]0[.]0[.]1:\d+ did not answer/);
});
