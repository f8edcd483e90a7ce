import { expect, test } from "vitest";
import { limits } from "#common/contract/limits.ts";
import { eventually, onEveryBackend } from "./on-every-backend.ts";

onEveryBackend((rig) => {
  test("who joined is live in its role only, for every pod", async () => {
    const [one, two] = [await rig.pod(), await rig.pod()];
    await one.membership.join("worker", "w.1");
    await two.membership.join("worker", "w.2");
    expect(await one.membership.live("worker")).toEqual(["w.1", "w.2"]);
    expect(await two.membership.live("gateway")).toEqual([]);
  });

  test("who left is gone at once and cannot renew", async () => {
    const { membership } = await rig.pod();
    await membership.join("worker", "w.1");
    await membership.leave("worker", "w.1");
    expect(await membership.live("worker")).toEqual([]);
    expect(await membership.renew("worker", "w.1")).toBe(false);
  });

  test("nobody renews who never joined", async () => {
    const { membership } = await rig.pod();
    expect(await membership.renew("rows", "w.9")).toBe(false);
    expect(await membership.live("rows")).toEqual([]);
  });

  test("who does not renew is gone after its life and stays gone; who renews lives on", async () => {
    const { membership } = await rig.pod();
    await membership.join("worker", "silent");
    await membership.join("worker", "renewing");
    await eventually(async () => {
      expect(await membership.renew("worker", "renewing")).toBe(true);
      expect(await membership.live("worker")).toEqual(["renewing"]);
    }, limits.lifeMs + 1_000);
    expect(await membership.renew("worker", "silent")).toBe(false);
  });
});
