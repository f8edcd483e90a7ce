/**
 * The dependency rules hold, and each of them fires. A rule whose pattern matches nothing passes for ever, so every rule
 * is broken once on purpose: all violations are planted into one copy of the tree, which is cruised once.
 */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { copyTree, ROOT } from "./copied-tree.ts";

interface Violation {
  readonly rule: string;
  readonly from: string;
}

/** File to plant, what it imports, and the rules that this breaks. A type is enough to break a rule. */
const PLANTED: readonly (readonly [file: string, imports: string, breaks: readonly string[]])[] = [
  ["common/observe/planted-pod.ts", "#gateway/platforms/platform.ts", ["common-knows-no-pod"]],
  ["gateway/flow/planted-worker.ts", "#workers/domain/command.ts", ["pods-meet-only-on-the-wire"]],
  ["workers/pipeline/planted-gateway.ts", "#gateway/platforms/platform.ts", ["pods-meet-only-on-the-wire"]],
  ["console/cli/planted-worker.ts", "#workers/domain/command.ts", ["pods-meet-only-on-the-wire"]],
  ["common/kernel/planted-contract.ts", "../contract/ids.ts", ["kernel-is-bedrock"]],
  ["common/kernel/planted-builtin.ts", "node:crypto", ["kernel-is-bedrock"]],
  ["common/contract/planted-port.ts", "../ports/outbox.ts", ["contract-is-bedrock"]],
  ["common/contract/planted-package.ts", "pino", ["contract-is-bedrock"]],
  ["common/ports/planted-metric.ts", "../observe/metric-catalogue.ts", ["ports-name-no-technology"]],
  ["common/access/planted-builtin.ts", "node:crypto", ["access-stands-on-ports"]],
  ["workers/domain/planted-port.ts", "#common/ports/outbox.ts", ["domain-and-commands-are-pure"]],
  ["workers/domain/planted-clock.ts", "#common/kernel/clock.ts", ["domain-and-commands-are-pure"]],
  ["workers/commands/planted/socket.ts", "node:net", ["domain-and-commands-are-pure", "sockets-only-in-listeners"]],
  ["workers/commands/planted/driver.ts", "mysql2", ["domain-and-commands-are-pure", "drivers-only-behind-ports"]],
  ["workers/domain/planted-command.ts", "#workers/commands/echo/index.ts", ["domain-knows-no-command"]],
  ["workers/commands/planted/other.ts", "../echo/index.ts", ["commands-do-not-know-each-other"]],
  ["gateway/platforms/planted/port.ts", "#common/ports/outbox.ts", ["platforms-are-codecs"]],
  ["gateway/platforms/planted/other.ts", "../planted-too/index.ts", ["platforms-do-not-know-each-other"]],
  ["gateway/platforms/planted-too/index.ts", "../platform.ts", []],
  ["workers/pipeline/planted-driver.ts", "ioredis", ["drivers-only-behind-ports"]],
  ["common/observe/planted-driver.ts", "bullmq", ["drivers-only-behind-ports"]],
  ["common/backends/redis/planted-driver.ts", "ioredis", []],
  ["gateway/flow/planted-backend.ts", "#common/backends/redis/planted-driver.ts", ["only-main-names-a-backend"]],
  ["workers/pipeline/planted-store.ts", "../stores/planted-store.ts", ["only-main-names-a-backend"]],
  ["workers/stores/planted-store.ts", "kysely", []],
  ["common/backends/memory/planted-twin.ts", "../../ports/outbox.ts", []],
  ["common/backends/bullmq/planted-twin.ts", "../memory/planted-twin.ts", ["memory-is-no-backend-of-a-pod"]],
  ["gateway/connection/planted-socket.ts", "node:net", ["sockets-only-in-listeners"]],
  ["gateway/listeners/planted-socket.ts", "node:net", []],
  ["workers/intake/planted-timer.ts", "node:timers/promises", ["time-comes-as-a-clock"]],
  ["test/fixtures/planted.ts", "#common/contract/ids.ts", []],
  ["gateway/flow/planted-fixture.ts", "#test/fixtures/planted.ts", ["no-test-code-in-product"]],
  ["scripts/planted.ts", "#common/contract/ids.ts", []],
  ["gateway/flow/planted-script.ts", "#scripts/planted.ts", ["product-knows-no-scripts"]],
  ["deploy/k8s/planted.ts", "#common/contract/ids.ts", []],
  ["gateway/flow/planted-manifest.ts", "#deploy/k8s/planted.ts", ["product-knows-no-scripts"]],
  ["deploy/k8s/planted-pod.ts", "#gateway/platforms/platform.ts", ["what-is-made-is-data"]],
  ["grafana/dashboards/planted.ts", "#common/contract/ids.ts", []],
  ["gateway/flow/planted-board.ts", "#grafana/dashboards/planted.ts", ["product-knows-no-scripts"]],
  ["grafana/dashboards/planted-pod.ts", "#gateway/platforms/platform.ts", ["what-is-made-is-data"]],
  ["gateway/flow/planted-typo.ts", "#common/contract/no-such-file.ts", ["everything-resolves"]],
  // A cycle is reported once.
  ["gateway/flow/planted-here.ts", "./planted-there.ts", ["no-cycles"]],
  ["gateway/flow/planted-there.ts", "./planted-here.ts", []],
];
/** Nothing imports any planted file, so each one of the product is dead; two are looked at. */
const DEAD = ["gateway/flow/planted-worker.ts", "workers/stores/planted-store.ts"];

describe("dependency rules", () => {
  it("hold for the whole tree", async () => {
    expect(await violationsIn(ROOT)).toEqual([]);
  });

  it("each fire on a planted violation, and only where one was planted", async () => {
    using tree = copyTree();
    for (const [file, imports] of PLANTED) plant(join(tree.path, file), imports);
    for (const main of ["gateway/main.ts", "workers/main.ts", "workers/migrate.ts", "console/cli/main.ts"]) {
      if (!existsSync(join(tree.path, main))) plant(join(tree.path, main), "#common/contract/ids.ts");
    }
    const found = await violationsIn(tree.path);

    const alive = found.filter(({ rule }) => rule !== "no-dead-files");
    for (const [file, , breaks] of PLANTED) {
      expect([...new Set(alive.filter(({ from }) => from === file).map(({ rule }) => rule))].sort(), file).toEqual(
        breaks,
      );
    }
    const dead = found.filter(({ rule }) => rule === "no-dead-files").map(({ from }) => from);
    expect(dead).toEqual(expect.arrayContaining(DEAD));
    expect(dead).not.toContain("workers/main.ts");
    expect(new Set(found.map(({ rule }) => rule))).toEqual(new Set(ruleNames()));
  });
});

function plant(path: string, imports: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `import type * as planted from "${imports}";\nexport type Planted = typeof planted;\n`);
}

function ruleNames(): string[] {
  const rules = createRequire(import.meta.url)("../../.dependency-cruiser.cjs") as { forbidden: { name: string }[] };
  return rules.forbidden.map(({ name }) => name);
}

/** The tool of the project with the rules of the project, run over another tree. */
async function violationsIn(tree: string): Promise<Violation[]> {
  const tool = join(ROOT, "node_modules/.bin/depcruise");
  const folders = ["common", "gateway", "workers", "console", "scripts", "bench", "deploy", "grafana", "test"].filter(
    (name) => existsSync(join(tree, name)),
  );
  const run = promisify(execFile)(
    join(ROOT, "node_modules/.bin/node"),
    [tool, "--config", join(ROOT, ".dependency-cruiser.cjs"), "--output-type", "json", ...folders],
    { cwd: tree, maxBuffer: 256 * 1024 * 1024 },
  );
  // The exit code is the number of violations; the report on stdout is what counts.
  const { stdout } = await run.catch((failed: { stdout: string; stderr: string }) => {
    if (!failed.stdout.startsWith("{")) throw new Error(`dependency-cruiser did not run: ${failed.stderr}`);
    return failed;
  });
  const report = JSON.parse(stdout) as { summary: { violations: { from: string; rule: { name: string } }[] } };
  return report.summary.violations.map(({ from, rule }) => ({ rule: rule.name, from }));
}
