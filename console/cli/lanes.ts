/** `moa lanes`: what came in and what became of it. */
import type { Command } from "commander";
import type { LaneBalance } from "#common/ports/lane-log.ts";
import type { Desk } from "./desk.ts";
import { ageOf, tableOf } from "./print.ts";

type LaneRow = LaneBalance & { readonly owner: string | null; readonly inFlight: number };

export function addLanes(program: Command, desk: Desk): void {
  program
    .command("lanes")
    .description("lanes: owner, and what became of the events")
    .action(async () => {
      const answer = await desk.pods.one<{ lanes: readonly LaneRow[] }>({ method: "GET", path: "lanes" });
      const rows = answer.lanes.map(({ lane, owner, appended, inFlight, oldestMs, done, parked }) => [
        ...[lane, owner ?? "nobody", appended, inFlight, inFlight === 0 ? "" : ageOf(oldestMs)],
        ...[done.handled, done.duplicate, done.refused, done.expired, parked],
      ]);
      const outcomes = ["handled", "duplicate", "refused", "expired", "parked now"];
      desk.show(answer, tableOf(["lane", "owner", "appended", "in flight", "oldest", ...outcomes], rows));
    });
}
