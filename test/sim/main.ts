/**
 * `npm run sim -- --seed N --runs K [--plant NAME] [--json]`: K runs from seed N on. Exit code 1 when a promise was
 * broken; the seed replays it: SIM_LOG=debug npm run sim -- --seed N --runs 1.
 */
import { parseArgs } from "node:util";
import { plants } from "./plants.ts";
import { World } from "./world.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    runs: { type: "string", default: "100" },
    plant: { type: "string" },
    json: { type: "boolean", default: false },
  },
});
const plant = values.plant === undefined ? undefined : plants[values.plant];
if (values.plant !== undefined && plant === undefined) {
  process.stderr.write(`--plant: there are ${Object.keys(plants).join(", ")}\n`);
  process.exit(2);
}
const failed: number[] = [];
const first = Number(values.seed);
const runs = Number(values.runs);
for (let seed = first; seed < first + runs; seed++) {
  const broken = await new World(seed, plant).run();
  if (broken.length === 0) continue;
  failed.push(seed);
  process.stdout.write(`seed ${seed}: ${broken.join("; ")}\n`);
}
process.stdout.write(
  values.json
    ? `${JSON.stringify({ runs, failed_seeds: failed })}\n`
    : `${runs} runs from seed ${first}, ${failed.length} failed\n`,
);
process.exit(failed.length === 0 ? 0 : 1);
