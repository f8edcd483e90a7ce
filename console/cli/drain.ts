/** `moa drain`: empties one gateway, and waits until it is. */
import type { Command } from "commander";
import { limits } from "#common/contract/limits.ts";
import { MoaError } from "#common/kernel/errors.ts";
import type { DrainSeen } from "#common/observe/drain-routes.ts";
import type { Desk } from "./desk.ts";
import { EXIT } from "./exit-codes.ts";
import type { Pods } from "./pods.ts";

const LOOK_EVERY_MS = 500;
/** The drain itself ends within half of it. */
const DRAINED_MS_MAX = 2 * limits.drainMsMax;

export function addDrain(program: Command, desk: Desk): void {
  program
    .command("drain <pod>")
    .description("hands over a gateway's writers and closes its sockets; it runs on, unready, until it is stopped")
    .action(async (pod: string) => {
      const pods = await podOf(desk, pod);
      const begun = await pods.one<DrainSeen>({ method: "POST", path: "drain", body: { pod } });
      const ended = await drained(desk, pods, begun);
      desk.show(ended, `${pod}: ${ended.state}, ${ended.connections} connections left\n`);
      if (ended.state !== "drained" || ended.connections > 0) desk.exitCode = EXIT.failed;
    });
}

/** The one of that name among those asked. @throws MoaError not_found, pod_unreachable when it may be one that is away */
async function podOf({ pods }: Desk, name: string): Promise<Pods> {
  const { answers, unreachable } = await pods.all<{ pod: string }>({ method: "GET", path: "pod" });
  const found = answers.find(({ answer }) => answer.pod === name);
  if (found !== undefined) return pods.at(found.url);
  if (unreachable.length > 0) throw new MoaError("pod_unreachable", `${unreachable.join(", ")} did not answer`);
  throw new MoaError("not_found", `no pod ${name} among ${answers.map(({ answer }) => answer.pod).join(", ")}`);
}

async function drained({ surroundings }: Desk, pods: Pods, begun: DrainSeen): Promise<DrainSeen> {
  const untilMs = surroundings.nowMs() + DRAINED_MS_MAX;
  let seen = begun;
  while (seen.state !== "drained" && surroundings.nowMs() < untilMs) {
    await surroundings.pause(LOOK_EVERY_MS);
    const next = await pods.one<DrainSeen>({ method: "GET", path: "drain" });
    if (next.connections !== seen.connections) surroundings.err(`${next.connections} connections left\n`);
    seen = next;
  }
  return seen;
}
