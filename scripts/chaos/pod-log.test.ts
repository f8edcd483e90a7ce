import { expect, test } from "vitest";
import { writerSaid } from "./pod-log.ts";

const line = (fields: object) =>
  JSON.stringify({ time: "2026-11-21T00:00:01.000Z", pod: "gateway-1", bot: "b", ...fields });

test("a pod's line says who took and who lost the writer's place", () => {
  const of = { at: Date.parse("2026-11-21T00:00:01.000Z"), pod: "gateway-1", bot: "b", epoch: 7 };
  expect(writerSaid(line({ msg: "writer.taken", epoch: 7 }))).toEqual({ kind: "taken", ...of, reason: "" });
  const ended = line({ msg: "writer.ended", epoch: 7, reason: "barrier_timeout" });
  expect(writerSaid(ended)).toEqual({ kind: "ended", ...of, reason: "barrier_timeout" });
});

test("a failover keeps its five times, unknown ones as such", () => {
  const said = writerSaid(
    line({ msg: "writer.failover", reason: "drain", t0: 1, t1: 2, t2: 3, t3: 4, t4: null, inDoubt: 2, result: "ok" }),
  );
  expect(said).toMatchObject({ kind: "failover", reason: "drain", times: [1, 2, 3, 4, Number.NaN], isBusy: true });
});

test("any other line, or half of one, says nothing", () => {
  for (const one of [line({ msg: "connected again" }), '{"msg":"writer.taken"', ""]) expect(writerSaid(one)).toBeNull();
});
