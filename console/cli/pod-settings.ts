/** `moa config` and `moa log-level`: how a pod is set up, here and at run time. */
import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { writeEncrypted } from "#common/config/encrypted.ts";
import { objectOf } from "#common/config/settings-text.ts";
import { MoaError } from "#common/kernel/errors.ts";
import type { Desk } from "./desk.ts";
import { tableOf } from "./print.ts";

export function addConfig(program: Command, desk: Desk): void {
  const group = program.command("config").description("settings, as a pod started from here would read them");
  group
    .command("show [arguments...]")
    .description("every setting and where it came from; secrets masked. After --, a pod's own arguments")
    .action((given: readonly string[]) => {
      const settings = desk.surroundings.settings(given);
      const rows = settings.map(({ variable, value, from, as }) => [variable, value, from, as]);
      desk.show({ settings }, tableOf(["setting", "value", "from", "given as"], rows));
    });
  group
    .command("encrypt <json> <key> <enc>")
    .description("writes the settings of a JSON file (- = standard input) as a key file and an encrypted one")
    .action((json: string, keyFile: string, encFile: string) => {
      const name = json === "-" ? "standard input" : json;
      writeEncrypted({ settings: objectOf(textOf(json, name), name), keyFile, encFile });
      desk.show({ key: keyFile, enc: encFile }, `written: ${keyFile}, ${encFile}\n`);
    });
}

function textOf(json: string, name: string): string {
  try {
    return readFileSync(json === "-" ? 0 : json, "utf8");
  } catch (cause) {
    throw new MoaError("config_invalid", `${name} cannot be read: ${(cause as NodeJS.ErrnoException).code}`, { cause });
  }
}

interface LevelChanged {
  readonly pod: string;
  readonly before: string;
  readonly after: string;
}

export function addLogLevel(program: Command, desk: Desk): void {
  program
    .command("log-level <level>")
    .description("of every pod asked, until it restarts: debug, info, warn, error, silent")
    .action(async (level: string) => {
      const request = { method: "PUT", path: "log-level", body: { level } } as const;
      const found = await desk.pods.all<LevelChanged>(request);
      const pods = found.answers.map(({ answer }) => answer);
      const rows = pods.map(({ pod, before, after }) => [pod, before, after]);
      desk.show({ pods, unreachable: found.unreachable }, tableOf(["pod", "before", "after"], rows));
      desk.note(found);
    });
}
