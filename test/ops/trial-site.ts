/**
 * Where runbooks are tried: two gateways and two workers of one's own, pods that join them for a while, phones, and the
 * `moa` lines typed as an operator would.
 */
import { join } from "node:path";
import { Redis } from "ioredis";
import { expect, onTestFinished, vi } from "vitest";
import { systemClock } from "#common/backends/system/clock.ts";
import { pause } from "#common/kernel/clock.ts";
import { Phone } from "#scripts/phone/phone.ts";
import type { Child } from "#scripts/stack/child.ts";
import { type Pod, podOf } from "#scripts/stack/pod.ts";
import type { Stack } from "#scripts/stack/stack.ts";
import { type Ran, TOKEN } from "#test/fixtures/moa.ts";
import { KEY_PREFIX } from "#test/fixtures/own-stack.ts";
import { patience } from "#test/fixtures/raw-phone.ts";
import { stackOfFile } from "#test/fixtures/stack.ts";
import { run } from "../../console/cli/program.ts";
import { type Condition, trials } from "./runbook-trials.ts";
import { type Line, linesOf, runbookText, wordsOf } from "./runbooks.ts";
import { expectTrue, type Scrape, scrapeOf } from "./true-of.ts";

const ODD_WORKER = `${import.meta.dirname}/../fixtures/odd-worker.ts`;
const GATEWAY = `${import.meta.dirname}/../../gateway/main.ts`;
/** 1: what it needs is away; 5: a pod did not answer. */
const AWAY = [1, 5];

type Names = Readonly<Record<string, string>>;
/** What a line said when it was typed, by the line as the runbook has it. */
type Said = ReadonlyMap<string, string>;

interface Typing {
  /** What stands for the runbook's words in capitals. */
  readonly named?: Names;
  /** Exit codes beside those that the runbook prepares for. */
  readonly also?: readonly number[];
  mend?(): Promise<void>;
}

export interface Guest {
  readonly name: string;
  readonly main?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export class TrialSite {
  readonly stack: Stack;
  readonly remove: () => Promise<void>;
  readonly dir: string;
  readonly #guests: Pod[] = [];

  private constructor({ stack, dir, remove }: Awaited<ReturnType<typeof stackOfFile>>) {
    this.stack = stack;
    this.dir = dir;
    this.remove = async () => {
      await Promise.all(this.#guests.map(({ child }) => child.kill()));
      await remove();
    };
  }

  /** @param env settings of the pods, besides the operator's token */
  static async open(env: Names): Promise<TrialSite> {
    const all = { MOA_OPS_TOKEN: TOKEN, ...env };
    return new TrialSite(await stackOfFile({ gateways: 2, workers: 2, workerMain: ODD_WORKER, env: all }));
  }

  /** A gateway beside the stack's own, not started. */
  guest({ name, main = GATEWAY, env = {} }: Guest): Pod {
    const places = { MOA_REDIS_URL: this.stack.redisUrl, MOA_MYSQL_URL: this.stack.mysqlUrl, MOA_OPS_TOKEN: TOKEN };
    const own = Object.fromEntries(Object.entries(process.env).filter(([key]) => !key.startsWith("MOA_")));
    const ours = { MOA_HOST: "127.0.0.1", MOA_KEY_PREFIX: KEY_PREFIX, MOA_BRIDGE_PORT: "0", MOA_OPS_PORT: "0" };
    const logFile = join(this.dir, "logs", `${name}.log`);
    const pod = podOf({ name, main, logFile, env: { ...own, ...ours, ...places, ...env } });
    this.#guests.push(pod);
    return pod;
  }

  /** Those that run. */
  get pods(): readonly Pod[] {
    const own = [...this.stack.gateways, ...this.stack.workers];
    return [...own, ...this.#guests.filter(({ child, ports }) => child.pid !== undefined && ports.ops !== undefined)];
  }

  port(gateway: number): number {
    return this.stack.gateways[gateway]?.ports.bridge as number;
  }

  child(kind: "gateways" | "workers", i: number): Child {
    return this.stack[kind][i]?.child as Child;
  }

  /** As console/cli/main.ts runs it, without a process of its own: there are hundreds. */
  async moa(...words: readonly string[]): Promise<Ran> {
    const urls = this.pods.map(({ ports }) => `http://127.0.0.1:${ports.ops}`).join(",");
    const clock = systemClock();
    let [out, err] = ["", ""];
    const code = await run(words, {
      env: { MOA_OPS_URL: urls, MOA_OPS_TOKEN: TOKEN },
      addressesOf: async () => [],
      terminal: null,
      who: "operator@test",
      settings: () => [],
      nowMs: () => clock.nowMs(),
      pause: (ms) => pause(clock, ms),
      out: (text) => {
        out += text;
      },
      err: (text) => {
        err += text;
      },
    });
    const lastLine = out.trimEnd().split("\n").at(-1) ?? "";
    return { code, out, err, json: words.includes("--json") ? JSON.parse(lastLine) : {} };
  }

  /** One after another; emptying a gateway comes last, when what was broken is mended, and it is started again. */
  async type(condition: Condition, { named = {}, also = [], mend }: Typing = {}): Promise<Said> {
    const said = new Map<string, string>();
    const lines = linesAbout(condition);
    const isDrain = ({ text }: Line) => text.includes(" drain ");
    for (const line of lines.filter((one) => !isDrain(one)))
      said.set(line.text, await this.#typeLine(line, named, also));
    await mend?.();
    for (const line of lines.filter(isDrain)) {
      said.set(line.text, await this.#typeLine(line, named, also));
      await this.#comesAgain(named.POD ?? "");
    }
    return said;
  }

  /** All at once: each may wait for what is away. */
  async typeInOutage(condition: Condition, { named = {}, also = AWAY }: Typing = {}): Promise<Said> {
    const typed = linesAbout(condition).map(
      async (line) => [line.text, await this.#typeLine(line, named, also)] as const,
    );
    return new Map(await Promise.all(typed));
  }

  async #typeLine({ text, exits }: Line, named: Names, also: readonly number[]): Promise<string> {
    const words = wordsOf(text).map((word) => named[word] ?? word);
    expect(
      words.filter((word) => /^[A-Z]+$/.test(word)),
      text,
    ).toEqual([]);
    const { code, out, err } = await this.moa(...words);
    expect([...exits, ...also], `${text}\n${out}${err}`).toContain(code);
    return out + err;
  }

  async #comesAgain(name: string): Promise<void> {
    const own = this.stack.gateways.find(({ child }) => child.name === name);
    await this.pods.find(({ child }) => child.name === name)?.child.stop();
    await own?.child.start();
  }

  /** Real phones, that dial again by themselves. */
  phoneOf(bot: string, gateway: number, device = `device ${gateway}`): Phone {
    const phone = new Phone({ host: "127.0.0.1", port: this.port(gateway), bot, device, dialect: "v333", hurry: 10 });
    onTestFinished(() => phone.close());
    phone.connect();
    return phone;
  }

  async writes(bot: string, device = `device of ${bot}`): Promise<void> {
    const seen = async () => expect((await this.moa("why", bot, "--json")).json.holder).toMatchObject({ device });
    await vi.waitFor(seen, patience);
  }

  async well(): Promise<void> {
    await vi.waitFor(async () => expect((await this.moa("doctor")).code).toBe(0), patience);
  }

  /** A connection to the stack's Redis that ends with the test. */
  redis(): Redis {
    const redis = new Redis(this.stack.redisUrl);
    redis.on("error", () => {});
    onTestFinished(() => redis.disconnect());
    return redis;
  }

  scrape(): Promise<Scrape> {
    return scrapeOf(this.pods);
  }

  /** Polls until the alerts' expressions are true of what pods show, where they were not at the first scrape. */
  async comeTrue(before: Scrape, ...alerts: readonly string[]): Promise<void> {
    const all = async () => {
      const now = await this.scrape();
      for (const alert of alerts) expectTrue(alert, [before, now]);
    };
    await vi.waitFor(all, { ...patience, interval: 200 });
  }
}

/** Each line of the condition's runbooks once. */
function linesAbout(condition: Condition): readonly Line[] {
  const lines = trials[condition].flatMap((name) => linesOf(runbookText(name), "moa"));
  const once = [...new Map(lines.map((line) => [line.text, line])).values()];
  expect(once.length).toBeGreaterThan(0);
  return once;
}
