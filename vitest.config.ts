/**
 * One project per suite of scripts/suites.ts. `unit` is pure and takes milliseconds; the others start real servers or
 * processes, so their files run one after another: two MariaDBs at once on two cores only measure each other.
 */
import { defineConfig } from "vitest/config";

const everywhere = ["common", "gateway", "workers", "console", "scripts", "bench"];

function withServers(name: string, secondsMax: number, globalSetup: readonly string[] = []) {
  const ms = secondsMax * 1_000;
  return {
    test: {
      name,
      include: [`test/${name}/**/*.test.ts`],
      fileParallelism: false,
      globalSetup: [...globalSetup],
      testTimeout: ms,
      hookTimeout: ms,
    },
  };
}

export default defineConfig({
  test: {
    reporters: ["default"],
    projects: [
      { test: { name: "unit", include: everywhere.map((folder) => `${folder}/**/*.test.ts`) } },
      withServers("architecture", 60),
      withServers("conformance", 60, ["test/conformance/all-kinds.ts"]),
      withServers("stores", 60),
      withServers("ops", 120),
      withServers("deploy", 120, ["test/deploy/tools.ts"]),
      withServers("stack", 120),
      withServers("sim", 300),
    ],
  },
});
