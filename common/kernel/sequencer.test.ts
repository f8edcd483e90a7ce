import { expect, test } from "vitest";
import { Sequencer } from "./sequencer.ts";

test("a key's next task starts when the previous one settled, other keys go on", async () => {
  const sequencer = new Sequencer();
  const log: string[] = [];
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const task = (name: string, gate?: Promise<void>) => async () => {
    log.push(`${name} starts`);
    await gate;
    log.push(`${name} ends`);
  };
  const a1 = sequencer.add("a", task("a1", gates[0]?.promise));
  const a2 = sequencer.add("a", task("a2"));
  await sequencer.add("b", task("b1"));
  expect(sequencer.add("c", () => void log.push("c1 at once"))).toBeUndefined();
  expect(log).toEqual(["a1 starts", "b1 starts", "b1 ends", "c1 at once"]);
  const a3 = sequencer.add("a", () => void log.push("a3 at once"));
  gates[0]?.resolve();
  await Promise.all([a1, a2, a3]);
  expect(log.slice(4)).toEqual(["a1 ends", "a2 starts", "a2 ends", "a3 at once"]);
});

test("a task that fails tells its own caller and does not stop its key", async () => {
  const sequencer = new Sequencer();
  const failed = sequencer.add("a", () => Promise.reject(new Error("bang")));
  let wentOn = false;
  const next = sequencer.add("a", () => {
    wentOn = true;
    return undefined;
  });
  await expect(failed).rejects.toThrow("bang");
  await next;
  expect(wentOn).toBe(true);
});
