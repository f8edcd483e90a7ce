/**
 * What `npm test` and `npm run check` run, each at its short size. A suite with a `project` is a project of vitest
 * (vitest.config.ts) and counts its tests; any other is a command that counts as one.
 */
export interface Suite {
  readonly name: string;
  /** How much it runs here, for the reader of the result. */
  readonly size: string;
  readonly project?: string;
  /** A script below the root, and its arguments. */
  readonly command: readonly [script: string, ...args: string[]];
  /** Of the two that a small machine has. Suites that judge times take both. */
  readonly cores: 1 | 2;
  /** Part of `npm run check`: no servers, no processes. */
  readonly isQuick: boolean;
}

const TSC = "node_modules/typescript/bin/tsc";
const BIOME = "node_modules/@biomejs/biome/bin/biome";
const CHAOS = "black-hole,phone-stopped,network-heals,cut-mid-line-up,garbage,gateway-kill,worker-kill,redis-kill";
const VITEST = "node_modules/vitest/vitest.mjs";

function vitest(project: string, size: string, over: Partial<Suite> = {}): Suite {
  const command = [VITEST, "run", "--project", project] as const;
  return { name: project, size, project, command, cores: 1, isQuick: false, ...over };
}

/** Long ones first, so that short ones fill the gaps. */
export const suites: readonly Suite[] = [
  // The first time on a machine it builds its tools for minutes, beside the others.
  vitest("deploy", "images without an engine; chart and kustomize by their own tools"),
  { name: "types", size: "the whole tree", command: [TSC, "--noEmit", "-p", "."], cores: 1, isQuick: true },
  vitest("architecture", "every rule, and every rule planted", { isQuick: true }),
  vitest("unit", "rules without I/O", { isQuick: true }),
  { name: "lint", size: "the whole tree", command: [BIOME, "check", "--error-on-warnings"], cores: 1, isQuick: true },
  vitest("ops", "alerts fired and quiet, boards of a scraped run, runbooks tried, traces, moa top, a rolling release"),
  vitest("conformance", "Redis and memory by one suite of claims"),
  vitest("stores", "a private MariaDB"),
  vitest("sim", "some hundred seeds"),
  {
    name: "chaos",
    size: "eight kinds of faults in one boot",
    command: [
      "scripts/chaos.ts",
      "--scenario",
      CHAOS,
      "--seed",
      "1",
      "--minutes",
      "0.6",
      "--rate",
      "100",
      "--bots",
      "3",
    ],
    cores: 2,
    isQuick: false,
  },
  vitest("stack", "whole stacks of processes, killed and paused; small fleets", { cores: 2 }),
];
