/** Conditions of one gateway: its clock, its version, what it has to bear. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { blockLoop, fillHeap } from "#scripts/chaos/inspector.ts";
import { freePort } from "#scripts/stack/free-port.ts";
import { copyTree } from "#test/architecture/copied-tree.ts";
import { patience, RawPhone } from "#test/fixtures/raw-phone.ts";
import { metricOf } from "#test/stack/site.ts";
import type { TrialSite } from "./trial-site.ts";
import { expectTrue } from "./true-of.ts";

const AHEAD_MS = 4_000;
/** Of which the first is none of those that are counted. */
const STARTS = 4;
const CONNECTIONS_MAX = 7;
/** Of old objects; with the young ones' 48 it is the limit. */
const HEAP_MIB = 768;
const HEAP_SHARE = 0.865;
const LINES = 40;
const LINE_CHARS = 50_000;
const BLOCKED_MS = 1_500;

export function podTrials(of: () => TrialSite): void {
  test("a pod's clock is wrong", async () => {
    const site = of();
    const before = await site.scrape();
    const ahead = `const now = Date.now; Date.now = () => now() + ${AHEAD_MS};`;
    const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(ahead)}` };
    const guest = site.guest({ name: "gateway-5", env });
    await guest.child.start();
    await site.comeTrue(before, "MoaClockSkew");
    const said = await site.type("a pod's clock is wrong", { also: [1] });
    expect(said.get("moa doctor")).toMatch(/bad +gateway-5 +redis clock +-[34]\d{3} ms from this pod's/);
    expect(said.get("moa doctor")).toMatch(/bad +gateway-5|odd +gateway-5 +mysql clock/);
    await guest.child.kill();
  });

  test("a pod of another version dies again and again", async () => {
    const site = of();
    const tree = copyTree();
    onTestFinished(() => tree[Symbol.dispose]());
    const file = join(tree.path, "package.json");
    writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, "utf8")), version: "99.0.0" }));
    const guest = site.guest({ name: "gateway-6", main: join(tree.path, "gateway/main.ts") });
    const scrapes = [await site.scrape()];
    // Starts are told in whole seconds.
    for (const starts = new Set<number>(); starts.size < STARTS; ) {
      await guest.child.kill();
      await guest.child.start();
      starts.add(await metricOf([guest], "process_start_time_seconds"));
      scrapes.push(await site.scrape());
    }
    expectTrue("MoaPodRestarts", scrapes);
    expectTrue("MoaVersionsMixed", scrapes);
    await site.type("a pod of another version dies again and again");
    await guest.child.kill();
  });

  test("one gateway has more than it can bear", async () => {
    const site = of();
    const inspectPort = await freePort();
    const options = `--max-old-space-size=${HEAP_MIB} --inspect-port=127.0.0.1:${inspectPort}`;
    const env = { MOA_CONNECTIONS_MAX: `${CONNECTIONS_MAX}`, NODE_OPTIONS: options };
    const guest = site.guest({ name: "gateway-7", env });
    await guest.child.start();
    const inspectable = Object.assign(guest, { inspectPort });
    const before = await site.scrape();

    const phones = await Promise.all(
      Array.from({ length: CONNECTIONS_MAX }, () => RawPhone.identified(guest.ports.bridge as number)),
    );
    await vi.waitFor(
      async () => expect(await metricOf([guest], "moa_connections", 'role="writer"')).toBe(CONNECTIONS_MAX),
      patience,
    );
    for (const phone of phones) {
      phone.echoPings();
      for (let i = 0; i < LINES; i++) phone.say("l".repeat(LINE_CHARS));
    }
    await site.comeTrue(before, "MoaReplayRingShort");
    // The lag is that of the time since the last scrape; what fills the heap may be garbage the first time.
    const bears = async () => {
      await fillHeap(inspectable, HEAP_SHARE);
      await site.scrape();
      await blockLoop(inspectable, BLOCKED_MS);
      const scrapes = [before, await site.scrape()];
      for (const name of ["MoaConnectionCeiling", "MoaListenerFull", "MoaHeapNearlyFull", "MoaEventLoopLag"])
        expectTrue(name, scrapes);
    };
    await vi.waitFor(bears, patience);
    await expect(RawPhone.dial(guest.ports.bridge as number)).rejects.toThrow(/ECONNREFUSED/);
    await site.type("one gateway has more than it can bear", { named: { POD: "gateway-7" } });
    expect(guest.child.pid).toBeUndefined();
  });
}
