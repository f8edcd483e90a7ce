/** `npm run bench -- echo|tracing|idle|capacity`: see `--help`. Exit code 1 when a run is void or lost, doubled or reordered anything. */
import { parseArgs } from "node:util";
import { Bed } from "./bed.ts";
import { capacity } from "./capacity.ts";
import { echoAgainstFloor, echoAgainstRevision, type Outcome } from "./echo.ts";
import { idle } from "./idle.ts";
import { worktreeOf } from "./revision.ts";
import { tracingAgainstNone } from "./tracing.ts";
import { HERE, moaOf } from "./variant.ts";

const USAGE = `npm run bench -- echo [--rounds 5] [--seconds 4] [--rate 1000] [--sockets 200] [--against REV] [--json]
npm run bench -- tracing [--rounds 5] [--seconds 4] [--rate 1000] [--sockets 200] [--json]
npm run bench -- idle [--connections 10000] [--json]
npm run bench -- capacity [--json]`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "4" },
    rate: { type: "string", default: "1000" },
    sockets: { type: "string", default: "200" },
    connections: { type: "string", default: "10000" },
    against: { type: "string" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

function count(name: "rounds" | "seconds" | "rate" | "sockets" | "connections"): number {
  const value = Number(values[name]);
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} must be a whole number, 1 or more`);
  return value;
}

function baseName(): string {
  return positionals[0] === "tracing" ? "untraced" : (values.against ?? "floor");
}

async function run(bed: Bed): Promise<Outcome> {
  if (positionals[0] === "capacity") return capacity(bed);
  if (positionals[0] === "idle") return idle(bed, count("connections"));
  const options = {
    rounds: count("rounds"),
    seconds: count("seconds"),
    rate: count("rate"),
    sockets: count("sockets"),
  };
  if (positionals[0] === "tracing") return tracingAgainstNone(bed, options);
  const moa = moaOf(HERE, "moa");
  if (values.against === undefined) return echoAgainstFloor(bed, moa, options);
  return echoAgainstRevision(bed, [moa, moaOf(await worktreeOf(values.against), values.against)], options);
}

if (
  values.help ||
  positionals.length !== 1 ||
  !["echo", "tracing", "idle", "capacity"].includes(positionals[0] ?? "")
) {
  console.log(USAGE);
  process.exit(values.help ? 0 : 2);
}
const bed = await Bed.make();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => bed.fail(new Error(signal)));
try {
  const { result, table, failed } = await bed.within(run(bed));
  console.table(table);
  if ("ratios" in result) console.log("moa /", baseName(), result.ratios);
  if ("intervals" in result) console.log("95 % intervals", result.intervals);
  for (const reason of failed) console.error(reason);
  if (failed.length > 0) process.exitCode = 1;
  if (values.json) console.log(JSON.stringify(result));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  await bed.close();
}
