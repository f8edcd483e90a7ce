/**
 * Two conditions that need half a minute to come about: each has a gateway of its own, and comes about beside the other
 * trials.
 */
import { expect, test, vi } from "vitest";
import { FaultProxy, type Line, SWALLOW } from "#scripts/chaos/fault-proxy.ts";
import { Phone } from "#scripts/phone/phone.ts";
import type { Pod } from "#scripts/stack/pod.ts";
import { metricOf } from "#test/stack/site.ts";
import type { TrialSite } from "./trial-site.ts";
import { expectTrue, type Scrape } from "./true-of.ts";

const patience = { timeout: 60_000, interval: 200 };
const DEAF_EVERY_MS = 200;
/** Longer than a drain. */
const PICTURES_MS = 60_000;
const SUBSCRIBES = /ssubscribe/i;

export class LastingTrials {
  readonly site: TrialSite;
  readonly before: Scrape;
  readonly deaf: Pod;
  readonly drained: Promise<unknown>;
  readonly #ends: (() => unknown)[];

  private constructor(
    site: TrialSite,
    own: Pick<LastingTrials, "before" | "deaf" | "drained">,
    ends: (() => unknown)[],
  ) {
    this.site = site;
    this.before = own.before;
    this.deaf = own.deaf;
    this.drained = own.drained;
    this.#ends = ends;
  }

  static async begin(site: TrialSite): Promise<LastingTrials> {
    const proxy = await FaultProxy.listen(Number(new URL(site.stack.redisUrl).port));
    const deaf = site.guest({ name: "gateway-3", env: { MOA_REDIS_URL: `redis://127.0.0.1:${proxy.port}/0` } });
    const drains = site.guest({ name: "gateway-4" });
    await Promise.all([deaf.child.start(), drains.child.start()]);
    const phones = [await connected(deaf, "hears late"), await connected(drains, "shows pictures")];
    const timer = setInterval(deafener(proxy), DEAF_EVERY_MS);
    const before = await site.scrape();
    phones[1]?.say({ room: "방", channel: "1", sender: "홍길동", userHash: "u", text: `# pictures ${PICTURES_MS}` });
    const written = () => metricOf([drains], "moa_frames_total", 'direction="out",type="action"');
    await vi.waitFor(async () => expect(await written()).toBe(1), patience);
    const drained = site.moa("drain", "gateway-4");
    const pods = [deaf, drains].map(({ child }) => child);
    const closing = [...phones.map((phone) => () => phone.close()), ...pods.map((pod) => () => pod.kill())];
    const ends = [() => clearInterval(timer), ...closing, () => proxy.close()];
    return new LastingTrials(site, { before, deaf, drained }, ends);
  }

  async end(): Promise<void> {
    for (const end of this.#ends.splice(0)) await end();
  }
}

async function connected({ ports }: Pod, bot: string): Promise<Phone> {
  const place = { host: "127.0.0.1", port: ports.bridge as number };
  const phone = new Phone({ ...place, bot, device: `device of ${bot}`, dialect: "v333" });
  phone.connect();
  await vi.waitFor(() => expect(phone.isOpen).toBe(true), patience);
  return phone;
}

/** Of each subscription what comes back is thrown away from a while after it was asked for: the answer to that passes. */
function deafener(proxy: FaultProxy): () => void {
  const known = new Set<Line>();
  return () => {
    for (const line of proxy.lines.filter(({ said }) => SUBSCRIBES.test(said))) {
      if (known.has(line)) line.set({ down: SWALLOW });
      known.add(line);
    }
  };
}

export function lastingTrials(lasting: () => LastingTrials): void {
  test("a subscription hears nothing, again and again", async () => {
    const { site, deaf, before } = lasting();
    const restarts = () => metricOf([deaf], "moa_subscriber_restarts_total");
    await vi.waitFor(async () => expect(await restarts()).toBeGreaterThan(3), patience);
    await site.comeTrue(before, "MoaSubscribersDeaf");
    await site.type("a subscription hears nothing, again and again");
  });

  test("a drain runs into its deadline", async () => {
    const { site, before, drained } = lasting();
    // Somebody is still there: the command says so.
    expect(await drained).toMatchObject({ code: 1 });
    expectTrue("MoaDrainDeadline", [before, await site.scrape()]);
    await site.type("a drain runs into its deadline");
    await lasting().end();
  });
}
