import { expect, test } from "vitest";
import { limits } from "#common/contract/limits.ts";
import { FakeClock } from "#test/fixtures/fake-clock.ts";
import { Pinger } from "./pinger.ts";

test("D-16 a connection is pinged every 30 seconds, and each ping has one answer", async () => {
  const clock = new FakeClock();
  const sent: string[] = [];
  const pinger = new Pinger({ clock, random: { next: () => 0.5, hex: () => "n" }, ping: (token) => sent.push(token) });
  pinger.start({ atOnce: true });
  await clock.advance(0);
  expect(sent).toHaveLength(1);
  await clock.advance(40);
  expect(pinger.echoed("another")).toBeNull();
  expect(pinger.echoed(sent[0] as string)).toBeCloseTo(0.04);
  expect(pinger.echoed(sent[0] as string)).toBeNull();
  await clock.advance(limits.pingEveryMs * 3);
  expect(sent).toHaveLength(4);
  expect(limits.pingEveryMs).toBe(30_000);
});
