/**
 * The house rules that neither the compiler, biome nor dependency-cruiser sees. Each is a function of the files, run over
 * the tree, and over the tree with a violation planted: a check that cannot fail is none.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { settingsSchema } from "#common/config/schema.ts";
import { limits } from "#common/contract/limits.ts";
import { errorCatalogue } from "#common/kernel/errors.ts";
import { metricCatalogue } from "#common/observe/metric-catalogue.ts";
import { spanCatalogue } from "#common/observe/span-catalogue.ts";
import ratchet from "./ratchet.json" with { type: "json" };
import {
  type Catalogue,
  commandsIncomplete,
  luaKeysWrong,
  platformsIncomplete,
  queuesIncomplete,
  unused,
} from "./rules/catalogues.ts";
import { brokenLinks, commandsMissing, decisionsMissing, namedPathsMissing } from "./rules/documents.ts";
import { addressesInLock, lintExceptions, machineTraces, unfinished } from "./rules/loose-ends.ts";
import { environmentReads, impureCalls, mocksInTests, sleepsInTests } from "./rules/purity.ts";
import { bannedWords, filesTooLong, onlyReexports, portsTooWide } from "./rules/shape.ts";
import { readTree, type Tree } from "./tree.ts";

interface Rule {
  readonly claim: string;
  readonly faults: (tree: Tree) => string[];
  /** Files that break the rule. */
  readonly planted: Readonly<Record<string, string>>;
  /** What the faults must say; by default they name each planted file. */
  readonly reported?: readonly string[];
}

const lines = (count: number) => "const x = 1;\n".repeat(count);
const methods = (count: number) => Array.from({ length: count }, (_, i) => `m${i}(): void;`).join(" ");

const RULES: readonly Rule[] = [
  {
    claim: "a file has at most 300 lines",
    faults: filesTooLong,
    planted: { "gateway/flow/planted.ts": lines(301), "common/backends/redis/lua/planted-0.lua": lines(301) },
  },
  {
    claim: "a port has at most 7 methods",
    faults: portsTooWide,
    planted: { "common/ports/planted.ts": `export interface Wide { ${methods(8)} }` },
  },
  {
    claim: "no file only re-exports",
    faults: onlyReexports,
    planted: { "common/ports/planted.ts": 'export { commands } from "#workers/commands/catalogue.ts";' },
  },
  {
    claim: "no file or export is named by a word that means nothing here",
    faults: bannedWords,
    planted: {
      "common/kernel/string-utils.ts": "",
      "gateway/flow/planted.ts": "export class MessageRouter {}",
      "workers/domain/planted.ts": "export const queueProcessor = 1;",
      "workers/domain/planted-too.ts": "export interface RoomManager { x: 1 }",
    },
  },
  {
    claim: "pure folders take time, chance and the environment as arguments",
    faults: impureCalls,
    planted: {
      "common/contract/planted.ts": "export const at = () => Date.now();",
      "common/kernel/planted.ts": "export const at = () => new Date();",
      "workers/domain/planted.ts": "export const roll = () => Math.random();",
      "workers/commands/planted/index.ts": "setTimeout(() => {}, 1);",
      "gateway/platforms/planted/index.ts": "export const host = process.env.HOST;",
      "gateway/platforms/planted/decode.ts": 'void globalThis.fetch("http://x");',
    },
  },
  {
    claim: "the environment is read by the configuration alone",
    faults: environmentReads,
    planted: { "common/backends/redis/planted.ts": "export const url = process.env.MOA_REDIS_URL;" },
  },
  {
    claim: "no test sleeps",
    faults: sleepsInTests,
    planted: {
      "common/kernel/planted.test.ts": "await new Promise((done) => setTimeout(done, 100));",
      "test/stack/planted.test.ts": 'import { setTimeout as rest } from "node:timers/promises"; await rest(100);',
    },
  },
  {
    claim: "no test mocks our own modules",
    faults: mocksInTests,
    planted: { "common/kernel/planted.test.ts": 'vi.mock("./clock.ts");' },
  },
  {
    claim: "nothing unfinished is committed",
    faults: unfinished,
    planted: {
      "gateway/flow/planted.ts": "// TODO: later",
      "gateway/flow/planted-too.ts": "// @ts-ignore",
      "test/stack/planted.test.ts": 'it.skip("works", () => {});',
    },
  },
  {
    claim: "lint exceptions only become fewer",
    faults: lintExceptions,
    planted: { "gateway/flow/planted.ts": "// biome-ignore lint: x\n".repeat(ratchet.lintExceptionsMax + 1) },
  },
  {
    claim: "the lock names no registry",
    faults: addressesInLock,
    planted: { "package-lock.json": '{ "resolved": "https://example.org/x.tgz" }' },
  },
  {
    claim: "no file names a machine",
    faults: machineTraces,
    planted: { "docs/planted.md": "cd /home/someone/moa", ".npmrc": "cache=/home/someone/cache" },
  },
  {
    claim: "a command is a folder, a catalogue line and a dialogue",
    faults: commandsIncomplete,
    planted: {
      "workers/commands/planted/index.ts": "export const planted = 1;",
      "workers/commands/catalogue.ts": 'import { absent } from "./absent/index.ts";',
    },
    reported: [
      "workers/commands/planted: no line",
      "workers/commands/planted: no dialogue",
      "workers/commands/catalogue.ts: absent has no folder",
    ],
  },
  {
    claim: "a platform is a folder, a catalogue line and transcripts",
    faults: platformsIncomplete,
    planted: {
      "gateway/platforms/planted/index.ts": "export const planted = 1;",
      "gateway/platforms/catalogue.ts": 'import { absent } from "./absent/index.ts";',
    },
    reported: [
      "gateway/platforms/planted: no line",
      "gateway/platforms/planted: no transcripts",
      "gateway/platforms/catalogue.ts: absent has no folder",
    ],
  },
  {
    claim: "a queue is an entry and a handler",
    faults: queuesIncomplete,
    planted: { "common/contract/queues.ts": "export const queues = {\n  planted: { attemptsMax: 1 },\n};" },
    reported: ["queue planted has no handler", "outbox-sweep is no queue"],
  },
  {
    claim: "a Lua script lists and uses the keys that its name counts",
    faults: luaKeysWrong,
    planted: {
      "common/backends/redis/lua/planted-2.lua": "--[[\nDoes.\n\nKEYS  1 lane hash\n]]\nreturn KEYS[1]",
      "common/backends/redis/lua/planted-1.lua": "return KEYS[1]",
      "common/backends/redis/lua/planted.lua": "return 1",
    },
    reported: [
      "planted-2.lua: the header lists keys 1",
      "planted-2.lua: uses keys 1",
      "planted-1.lua: the header has no KEYS line",
      "planted.lua: the name does not end",
    ],
  },
  {
    claim: "links in documents lead somewhere",
    faults: brokenLinks,
    planted: { "docs/planted.md": "see [the drawing](../NOWHERE.md#here)" },
  },
  {
    claim: "paths named in documents exist",
    faults: namedPathsMissing,
    planted: { "docs/planted.md": "see `common/kernel/nowhere.ts`" },
  },
  {
    claim: "npm scripts named in documents exist",
    faults: commandsMissing,
    planted: { "docs/planted.md": "run `npm run nothing`" },
  },
  {
    claim: "decisions named in comments exist",
    faults: decisionsMissing,
    planted: { "gateway/flow/planted.ts": "// see ADR 9999", "gateway/flow/planted-too.ts": "// see design 3" },
  },
];

const METRIC_CALL = "\\s*[.](inc|set|observe)\\(";

const CATALOGUES: Readonly<Record<string, Catalogue>> = {
  metric: {
    file: "common/observe/metric-catalogue.ts",
    names: Object.keys(metricCatalogue),
    used: (name) => new RegExp(`[.]${name}${METRIC_CALL}`),
  },
  limit: {
    file: "common/contract/limits.ts",
    names: Object.keys(limits),
    used: (name) => new RegExp(`limits[.]${name}\\b`),
  },
  span: {
    file: "common/observe/span-catalogue.ts",
    names: Object.keys(spanCatalogue),
    used: (name) => new RegExp(`[.](root|next)\\(\\s*"${name}"`),
  },
  error: {
    file: "common/kernel/errors.ts",
    names: Object.keys(errorCatalogue),
    used: (name) => new RegExp(`"${name}"`),
  },
  setting: {
    file: "common/config/schema.ts",
    names: Object.keys(settingsSchema),
    used: (name) => new RegExp(`[.]${name}\\b`),
  },
};

describe("the house", () => {
  let tree: Tree;
  beforeAll(() => {
    tree = readTree();
  });

  for (const { claim, faults, planted, reported = Object.keys(planted) } of RULES) {
    it(claim, () => {
      expect(faults(tree)).toEqual([]);
    });
    it(`${claim}, else it is reported`, () => {
      const found = faults(new Map([...tree, ...Object.entries(planted)])).join("\n");
      for (const fault of reported) expect(found).toContain(fault);
    });
  }

  for (const [what, catalogue] of Object.entries(CATALOGUES)) {
    it(`every ${what} of the catalogue is used by the product, else it is reported`, () => {
      expect(unused(tree, catalogue)).toEqual([]);
      expect(unused(tree, { ...catalogue, names: ["planted"] })).toEqual([
        `${catalogue.file}: planted is used nowhere`,
      ]);
    });
  }
});
