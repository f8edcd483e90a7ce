/** Conditions of who writes: verdicts that come too early, tenures that Redis lost, signatures that do not hold. */
import { expect, test, vi } from "vitest";
import { keysFor } from "#common/contract/keys.ts";
import { topology } from "#test/fixtures/balances.ts";
import { KEY_PREFIX } from "#test/fixtures/own-stack.ts";
import { freshBot, patience, RawPhone } from "#test/fixtures/raw-phone.ts";
import { authOf, present } from "#test/stack/guarded-site.ts";
import { metricOf } from "#test/stack/site.ts";
import type { TrialSite } from "./trial-site.ts";

export const SIGNING_BOT = "signs";
/** Of the trials' gateways. */
export const KEYS = { [SIGNING_BOT]: { keys: [present], require: true } };

const LATE_BOTS = 24;
const WRONG_FRAMES = 200;
const HANDED_OVER = 3;
const keys = keysFor(topology, KEY_PREFIX);

export function writerTrials(of: () => TrialSite): void {
  test("signatures do not hold", async () => {
    const site = of();
    const before = await site.scrape();
    const device = `device of ${SIGNING_BOT}`;
    const phone = (await RawPhone.identified(site.port(0), SIGNING_BOT)).echoPings();
    const auth = () => authOf(SIGNING_BOT, device, { secret: { ...present, key: "of last year" } });
    for (let i = 0; i < WRONG_FRAMES; i++) phone.say("# echo unheard", { auth: auth() });
    await site.comeTrue(before, "MoaSignatureFailures");
    const named = { BOT: SIGNING_BOT, DEVICE: device };
    const said = await site.type("signatures do not hold", { named });
    expect(said.get("moa connections --role unadmitted")).toContain(SIGNING_BOT);
    expect(phone.shown).toEqual([]);
  });

  test("phones answer later than they may", async () => {
    const site = of();
    const before = await site.scrape();
    const identified = Array.from({ length: LATE_BOTS }, () => RawPhone.identified(site.port(0)));
    const phones = (await Promise.all(identified)).map((phone) => phone.echoPings());
    const writers = () => metricOf(site.stack.gateways, "moa_phones", 'class="confirmed"');
    await vi.waitFor(async () => expect(await writers()).toBeGreaterThanOrEqual(LATE_BOTS), patience);
    for (const phone of phones) {
      phone.say("# echo seen late");
      phone.socket.pause();
    }
    const zombies = () => metricOf(site.stack.gateways, "moa_connections", 'role="zombie"');
    await vi.waitFor(async () => expect(await zombies()).toBe(LATE_BOTS), patience);
    const { json } = await site.moa("connections", "--role", "zombie", "--json");
    const [{ bot, device }] = json.connections as [{ bot: string; device: string }];
    await site.type("phones answer later than they may", { named: { BOT: bot, DEVICE: device } });
    for (const phone of phones) phone.socket.resume();
    await site.comeTrue(before, "MoaZombieFalsePositives");
  });

  test("who stands by leaves as soon as it writes", async () => {
    const site = of();
    const before = await site.scrape();
    const bots = Array.from({ length: HANDED_OVER }, freshBot);
    for (const bot of bots) {
      await RawPhone.identified(site.port(0), bot).then((phone) => phone.echoPings());
      await site.writes(bot);
      const standby = await RawPhone.identified(site.port(1), bot, "stands by");
      await candidates(site, bot, 2);
      expect((await site.moa("failover", bot)).code).toBe(0);
      standby.socket.destroy();
    }
    await site.comeTrue(before, "MoaHandoversFail");
    await site.type("who stands by leaves as soon as it writes", { named: { BOT: bots[0] as string } });
  });

  test("the tenure of a writer is deleted", async () => {
    const site = of();
    const bot = freshBot();
    const before = await site.scrape();
    const writer = (await RawPhone.identified(site.port(0), bot)).echoPings();
    await site.writes(bot);
    site.phoneOf(bot, 1);
    await candidates(site, bot, 2);
    await site.redis().del(keys.outboxMeta(bot));
    await site.comeTrue(before, "MoaWriterSplitBrain");
    const said = await site.type("the tenure of a writer is deleted", { named: { BOT: bot } });
    expect(said.get("moa why BOT")).toContain("gateway-2");
    expect(writer.isClosed).toBe(false);
  });
}

export async function candidates(site: TrialSite, bot: string, count: number): Promise<void> {
  const all = async () => expect((await site.moa("why", bot, "--json")).json.candidates).toHaveLength(count);
  await vi.waitFor(all, patience);
}
