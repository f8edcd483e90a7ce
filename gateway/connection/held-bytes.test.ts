import { expect, test } from "vitest";
import { limits } from "#common/contract/limits.ts";
import { createMetrics } from "#common/observe/metrics.ts";
import { FakeClock } from "#test/fixtures/fake-clock.ts";
import { HeldBytes } from "./held-bytes.ts";

const MIB = 1024 * 1024;
const GRACE_MS = limits.lineMsMax + limits.lineCheckEveryMs;

function world() {
  const clock = new FakeClock();
  const pod = createMetrics(false);
  const held = new HeldBytes({ metrics: pod.metrics, clock });
  const ended: string[] = [];
  const holder = (name: string) => {
    const one = {
      isRead: true,
      close: (reason: string) => {
        ended.push(`${name}: ${reason}`);
        held.set(one, 0, false);
      },
    };
    return one;
  };
  return { clock, pod, held, ended, holder };
}

test("the one that holds most ends when all together hold too much, whoever came last", async () => {
  const { pod, held, ended, holder } = world();
  held.set(holder("small"), MIB, false);
  held.set(holder("large"), limits.heldBytesMax - 2 * MIB, false);
  const last = holder("last");
  held.set(last, MIB, false);
  expect(ended).toEqual([]);
  held.set(last, MIB + 1, false);
  expect(ended).toEqual(["large: held_bytes"]);
  expect(await pod.expose()).toContain(`moa_held_bytes ${2 * MIB + 1}`);
  held.set(last, 0, false);
  held.set(last, 0, false);
  expect(await pod.expose()).toContain(`moa_held_bytes ${MIB}`);
});

test("a line that does not end is ended, whether it drips or stands", async () => {
  const { clock, held, ended, holder } = world();
  const [drips, stands] = [holder("drips"), holder("stands")];
  held.set(stands, 100, false);
  for (let ms = 0; ms < limits.lineMsMax; ms += 1_000) {
    held.set(drips, 100 + ms / 1_000, false);
    await clock.advance(1_000);
  }
  expect(ended).toEqual([]);
  await clock.advance(limits.lineCheckEveryMs + 1_000);
  expect(ended.toSorted()).toEqual(["drips: line_timeout", "stands: line_timeout"]);
});

test("the longest line of a phone on the slowest network gets through", async () => {
  const { clock, held, ended, holder } = world();
  const phone = holder("phone");
  for (let bytes = 0; bytes < limits.frameBytesMax; bytes += limits.lineBytesPerSecondMin) {
    held.set(phone, bytes, false);
    await clock.advance(1_000);
  }
  expect(ended).toEqual([]);
});

test("a line's time begins with it: those before it took theirs", async () => {
  const { clock, held, ended, holder } = world();
  const talks = holder("talks");
  for (let ms = 0; ms < 5 * limits.lineMsMax; ms += 10_000) {
    held.set(talks, 50, true);
    await clock.advance(10_000);
  }
  expect(ended).toEqual([]);
});

test("while we do not read it a line cannot end, and its time begins anew when we do", async () => {
  const { clock, held, ended, holder } = world();
  const paused = holder("paused");
  held.set(paused, 100, false);
  paused.isRead = false;
  await clock.advance(10 * limits.lineMsMax);
  paused.isRead = true;
  await clock.advance(limits.lineMsMax - limits.lineCheckEveryMs);
  expect(ended).toEqual([]);
  await clock.advance(GRACE_MS);
  expect(ended).toEqual(["paused: line_timeout"]);
});
