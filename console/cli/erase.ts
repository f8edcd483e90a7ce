/** `moa erase`: forgets a user or a room. */
import type { Command } from "commander";
import type { Desk } from "./desk.ts";

interface Begun {
  /** Stands in the audit in the place of the id. */
  readonly begun: string;
  readonly notErased: readonly string[];
}

export function addErase(program: Command, desk: Desk): void {
  const group = program.command("erase").description("forget a user or a room; there is no way back");
  addKind(group, desk, ["user", "<hash>", "all lines of a user, and the answers to them"]);
  addKind(group, desk, ["room", "<channel>", "all lines of a room, and that it is known"]);
}

function addKind(group: Command, desk: Desk, [kind, id, help]: readonly ["user" | "room", string, string]): void {
  group
    .command(`${kind} ${id}`)
    .description(help)
    .action(async (given: string) => {
      const answer = await desk.pods.one<Begun>({ method: "POST", path: "erase", body: { [kind]: given } });
      const left = answer.notErased.map((one) => `  ${one}\n`).join("");
      desk.show(answer, `begun; moa audit tells how it ends: ${answer.begun}\nnot erased:\n${left}`);
    });
}
