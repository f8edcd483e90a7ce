import { beforeEach, describe, expect, it } from "vitest";
import { payloadOf } from "#common/backends/channel-payload.ts";
import { limits } from "#common/contract/limits.ts";
import { BOT, type podOf, world } from "#test/fixtures/delivery.ts";

const VIOLATIONS = 'fencing_violations_total{point="tenure"}';

let at: ReturnType<typeof world>;
let pod: ReturnType<typeof podOf>;
let other: ReturnType<typeof podOf>;
beforeEach(() => {
  at = world();
  pod = at.pod("a");
  other = at.pod("bb");
});

describe("a tenure that another pod has now", () => {
  it("is a violation while its pod holds it, alive", async () => {
    await pod.connect("c1");
    const record = at.store.bots.of(BOT);
    const [epoch, connection] = [record.epoch + 1, "c2"];
    const writer = { member: "bb.1", connection, device: "d", takenAt: at.clock.nowMs() };
    Object.assign(record, { epoch, tenureId: "another", writer });
    at.store.hub.publish(BOT, payloadOf({ kind: "taken", epoch, connection }));
    await at.clock.settle();
    expect(await pod.metric(VIOLATIONS)).toBe(1);
  });

  it("is none where it was given up, though the answer to that comes after the next one's take", async () => {
    const writer = await pod.connect("c1");
    const standby = await other.connect("c2");
    pod.faults.slowMs = limits.redisCallMsMax;
    await pod.judge(writer, "barrier_timeout");
    await at.clock.advance(15_000);
    expect([standby.role, await pod.metric(VIOLATIONS)]).toEqual(["writer", 0]);
  });
});
