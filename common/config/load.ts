/**
 * Settings of a pod, in rising order of weight: defaults, the JSON file named by MOA_CONFIG_FILE, the environment, the
 * command line. Either a frozen object or one error that lists every fault: an operator mends all of them at once.
 *
 * A name that we do not know is a fault, not a warning: a misspelt MOA_APPROVAL must not start a pod with the default.
 * An empty variable counts as not set. User keys never reach convict: only names of the schema do.
 */
import { readFileSync } from "node:fs";
import convict from "convict";
import { MoaError } from "../kernel/errors.ts";
import type { LogLevel } from "../observe/logger.ts";
import { settingsSchema } from "./schema.ts";

type Schema = typeof settingsSchema;
type Setting = keyof Schema;

export type Config = Readonly<
  { [K in Exclude<Setting, "logLevel" | "workerRoles">]: Schema[K]["default"] } & {
    logLevel: LogLevel;
    workerRoles: readonly string[];
  }
>;

/** Variables that are no setting of a pod: where the others come from, and where the development stack keeps its data. */
export const OTHER_VARIABLES = ["MOA_CONFIG_FILE", "MOA_DATA_DIR"];

/** The command line of the original. */
const FLAGS: Readonly<Record<string, Setting>> = { "--port": "bridgePort", "--host": "host" };

export interface ConfigSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Without node and the script: process.argv.slice(2). */
  readonly argv: readonly string[];
}

interface Given {
  readonly value: unknown;
  /** The name under which a person gave it. */
  readonly as: string;
}

/** @throws MoaError config_invalid, one line per fault; values of secrets are never part of it */
export function loadConfig(sources: ConfigSources): Config {
  const faults: string[] = [];
  const given = new Map<Setting, Given>();
  readFile(sources.env.MOA_CONFIG_FILE, given, faults);
  readEnvironment(sources.env, given, faults);
  readArguments(sources.argv, given, faults);
  const values: Partial<Record<Setting, unknown>> = {};
  for (const [setting, one] of given) {
    const value = numberFrom(setting, one.value);
    const fault = faultOf(setting, value);
    if (fault === undefined) values[setting] = value;
    else faults.push(`${one.as}: ${fault}. ${settingsSchema[setting].doc}`);
  }
  if (faults.length > 0) throw new MoaError("config_invalid", faults.map((fault) => `\n  ${fault}`).join(""));
  const config = convict<Record<string, unknown>>(settingsSchema, { env: {}, args: [] }).load(values).getProperties();
  Object.freeze(config.workerRoles);
  return Object.freeze(config) as unknown as Config;
}

function readFile(path: string | undefined, given: Map<Setting, Given>, faults: string[]): void {
  if (!path) return;
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    // Not the parser's own words: they quote the file, which may hold a password.
    const why = error instanceof SyntaxError ? "it is not JSON" : (error as NodeJS.ErrnoException).code;
    faults.push(`MOA_CONFIG_FILE: ${path} cannot be read: ${why}`);
    return;
  }
  if (typeof content !== "object" || content === null || Array.isArray(content)) {
    faults.push(`MOA_CONFIG_FILE: ${path} must hold one JSON object`);
    return;
  }
  for (const [name, value] of Object.entries(content)) {
    if (isSetting(name)) given.set(name, { value, as: `"${name}" in ${path}` });
    else faults.push(`"${name}" in ${path}: no such setting${suggestion(name, Object.keys(settingsSchema))}`);
  }
}

function readEnvironment(env: ConfigSources["env"], given: Map<Setting, Given>, faults: string[]): void {
  const known = new Map(Object.entries(settingsSchema).map(([setting, spec]) => [spec.env, setting as Setting]));
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith("MOA_") || OTHER_VARIABLES.includes(name) || !value) continue;
    const setting = known.get(name);
    if (setting !== undefined) given.set(setting, { value, as: name });
    else faults.push(`${name}: no such setting${suggestion(name, [...known.keys(), ...OTHER_VARIABLES])}`);
  }
}

/** `--port=1500` and `--port 1500`. */
function readArguments(argv: readonly string[], given: Map<Setting, Given>, faults: string[]): void {
  const rest = [...argv];
  for (let argument = rest.shift(); argument !== undefined; argument = rest.shift()) {
    const [flag = "", inline] = argument.split(/=(.*)/s, 2);
    const setting = Object.hasOwn(FLAGS, flag) ? FLAGS[flag] : undefined;
    if (setting === undefined) {
      faults.push(`${flag}: no such option; there are ${Object.keys(FLAGS).join(" and ")}`);
      continue;
    }
    const value = inline ?? rest.shift();
    if (value) given.set(setting, { value, as: flag });
    else faults.push(`${flag}: needs a value, as in ${flag}=${settingsSchema[setting].default}`);
  }
}

function isSetting(name: string): name is Setting {
  return Object.hasOwn(settingsSchema, name);
}

/** convict reads "12abc" as 12 and does not convert at all for formats that are functions: so we do, strictly. */
function numberFrom(setting: Setting, value: unknown): unknown {
  const isNumeric = typeof value === "string" && /^-?\d+(\.\d+)?$/.test(value);
  return isNumeric && typeof settingsSchema[setting].default === "number" ? Number(value) : value;
}

/** Asks convict about one setting alone, so that its fault can be told under the name that the person used. */
function faultOf(setting: Setting, value: unknown): string | undefined {
  if (typeof settingsSchema[setting].default === "number" && typeof value !== "number") return "must be a number";
  try {
    convict<Record<string, unknown>>({ [setting]: settingsSchema[setting] }, { env: {}, args: [] })
      .load({ [setting]: value })
      .validate();
    return undefined;
  } catch (error) {
    return (error as Error).message.replace(`${setting}: `, "");
  }
}

function suggestion(name: string, known: readonly string[]): string {
  const nearest = known.toSorted((a, b) => distance(name, a) - distance(name, b))[0];
  return nearest !== undefined && distance(name, nearest) <= 4
    ? `; did you mean ${nearest}?`
    : "; see docs/settings.md";
}

/** Levenshtein: insertions, deletions and replacements from one name to the other. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
