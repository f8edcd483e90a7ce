/** The command line of `moa`: options that all commands take, and the commands, a file for each group. */
import { Command, CommanderError } from "commander";
import { addDevices, addRooms } from "./approvals.ts";
import { addAudit } from "./audit.ts";
import { addCompletion } from "./completion.ts";
import { addBots, addConnections } from "./connections.ts";
import { Desk, type GivenOptions, type Surroundings } from "./desk.ts";
import { addDoctor } from "./doctor.ts";
import { addDrain } from "./drain.ts";
import { addErase } from "./erase.ts";
import { EXIT, type ExitCode, exitCodeOf } from "./exit-codes.ts";
import { addHeld } from "./held.ts";
import { addLanes } from "./lanes.ts";
import { addParked } from "./parked.ts";
import { addConfig, addLogLevel } from "./pod-settings.ts";
import { addReplies } from "./replies.ts";
import { addSchedules } from "./schedules.ts";
import { addTop } from "./top.ts";
import { addWhy } from "./why.ts";
import { addFailover, addHold } from "./writers.ts";

const APPROVALS = [addDevices, addRooms, addAudit, addErase];
const FLOW = [addBots, addConnections, addLanes, addParked, addReplies, addSchedules];
const WRITERS = [addWhy, addFailover, addHold, addHeld, addDrain];
const PODS = [addTop, addDoctor, addConfig, addLogLevel, addCompletion];

/** Never rejects. */
export async function run(words: readonly string[], surroundings: Surroundings): Promise<ExitCode> {
  const program = new Command("moa");
  const desk = new Desk(surroundings, () => program.opts<GivenOptions>());
  program
    .description("what runs in a moa deployment, and who may talk")
    .option("--url <urls>", "ops ports to speak to, comma separated (MOA_OPS_URL)")
    .option("--token <token>", "their token; better in MOA_OPS_TOKEN, where no process list shows it")
    .option("--json", "one object on the last line, for scripts")
    .exitOverride()
    .configureOutput({ writeOut: surroundings.out, writeErr: surroundings.err });
  for (const add of [...APPROVALS, ...FLOW, ...WRITERS, ...PODS]) add(program, desk);
  try {
    await program.parseAsync([...words], { from: "user" });
    return desk.exitCode;
  } catch (error) {
    // Commander has said by itself what was wrong; help that was asked for is no fault.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.badUsage;
    desk.failed(error as Error);
    return exitCodeOf(error);
  }
}
