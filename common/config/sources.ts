/**
 * Where settings come from, in rising order of weight: defaults, the JSON file MOA_CONFIG_FILE, the encrypted pair
 * MOA_CONFIG_KEY_FILE and MOA_CONFIG_ENC_FILE, the environment, the command line. Nothing is judged here but names: a name that
 * we do not know is a fault, not a warning, as a misspelt MOA_APPROVAL must not start a pod with the default.
 *
 * An empty variable counts as not set. Names that users wrote never reach convict: only names of the schema do.
 */
import { MoaError } from "../kernel/errors.ts";
import { readEncrypted } from "./encrypted.ts";
import type { Gathered, Given } from "./given.ts";
import { chooseByMode } from "./mode.ts";
import { type Setting, settingsSchema } from "./schema.ts";
import { objectOf, textOf } from "./settings-text.ts";
import { suggestion } from "./suggestion.ts";

export interface ConfigSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Without node and the script: process.argv.slice(2). */
  readonly argv: readonly string[];
}

/** Variables that are no setting of a pod: where the others come from, and where the development stack keeps its data. */
const OTHER_VARIABLES = [
  "MOA_CONFIG_FILE",
  "MOA_CONFIG_KEY_FILE",
  "MOA_CONFIG_ENC_FILE",
  "MOA_DATA_DIR",
  "MOA_OPS_URL",
];

/** The command line of the original, and ours. */
const FLAGS: Readonly<Record<string, Setting>> = {
  "--mode": "mode",
  "--port": "bridgePort",
  "--host": "host",
  "--insecure": "insecure",
};

const USAGE = "usage: [--mode=test|prod] [--port=N] [--host=ADDRESS] [--insecure]";

export function gather({ env, argv }: ConfigSources): Gathered {
  const gathered: Gathered = { given: new Map(), faults: [] };
  readFile(env.MOA_CONFIG_FILE, gathered);
  const databases = readPair(env, gathered);
  readEnvironment(env, gathered);
  readArguments(argv, gathered);
  chooseByMode(gathered, databases);
  return gathered;
}

function readFile(file: string | undefined, { given, faults }: Gathered): void {
  if (!file) return;
  const content = orFault("MOA_CONFIG_FILE", faults, () => objectOf(textOf(file), file));
  takeNames(content ?? {}, { given, faults, from: "file", file });
}

/** What the pair says of the original's databases: which one is meant is known only when every source was read. */
function readPair(env: ConfigSources["env"], { given, faults }: Gathered): Given | undefined {
  const { MOA_CONFIG_KEY_FILE: keyFile, MOA_CONFIG_ENC_FILE: encFile } = env;
  if (!keyFile && !encFile) return undefined;
  if (!keyFile || !encFile) {
    faults.push("MOA_CONFIG_KEY_FILE and MOA_CONFIG_ENC_FILE: one says nothing without the other");
    return undefined;
  }
  const content = orFault("MOA_CONFIG_ENC_FILE", faults, () => readEncrypted(keyFile, encFile));
  const { DBs, ...settings } = content ?? {};
  takeNames(settings, { given, faults, from: "enc", file: encFile });
  return DBs === undefined ? undefined : { value: DBs, from: "enc", as: `"DBs" in ${encFile}` };
}

function takeNames(
  content: Readonly<Record<string, unknown>>,
  { given, faults, from, file }: Gathered & { readonly from: Given["from"]; readonly file: string },
): void {
  for (const [name, value] of Object.entries(content)) {
    if (isSetting(name)) given.set(name, { value, from, as: `"${name}" in ${file}` });
    else faults.push(`"${name}" in ${file}: no such setting${suggestion(name, Object.keys(settingsSchema))}`);
  }
}

function readEnvironment(env: ConfigSources["env"], { given, faults }: Gathered): void {
  const known = new Map(Object.entries(settingsSchema).map(([setting, spec]) => [spec.env, setting as Setting]));
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith("MOA_") || OTHER_VARIABLES.includes(name) || !value) continue;
    const setting = known.get(name);
    if (setting !== undefined) given.set(setting, { value, from: "env", as: name });
    else faults.push(`${name}: no such setting${suggestion(name, [...known.keys(), ...OTHER_VARIABLES])}`);
  }
}

/** `--port=1500`, `--port 1500`, and `--insecure` without a value. */
function readArguments(argv: readonly string[], { given, faults }: Gathered): void {
  const rest = [...argv];
  for (let argument = rest.shift(); argument !== undefined; argument = rest.shift()) {
    const [flag = "", inline] = argument.split(/=(.*)/s, 2);
    const setting = Object.hasOwn(FLAGS, flag) ? FLAGS[flag] : undefined;
    if (setting === undefined) {
      faults.push(`${flag}: no such option; ${USAGE}`);
      continue;
    }
    const value = inline ?? (typeof settingsSchema[setting].default === "boolean" ? "true" : rest.shift());
    if (value) given.set(setting, { value, from: "argument", as: flag });
    else faults.push(`${flag}: needs a value; ${USAGE}`);
  }
}

function orFault<T>(variable: string, faults: string[], read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof MoaError)) throw error;
    faults.push(`${variable}: ${error.message.replace(`${error.code}: `, "")}`);
    return undefined;
  }
}

function isSetting(name: string): name is Setting {
  return Object.hasOwn(settingsSchema, name);
}

/** Behind a fault of something given on the command line. */
export function usageFor({ from }: Given): string {
  return from === "argument" ? ` ${USAGE}` : "";
}
