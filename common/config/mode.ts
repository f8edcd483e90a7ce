/**
 * The original keeps two databases and chooses by --mode: test = `test`, prod = `live`. Its encrypted file holds both as
 * {"DBs":{"live":{HOST,USER,PASS,NAME,PORT},"test":{...}}}. Whoever names a database otherwise has chosen already; a mode
 * alone names kkobot_test or kkobot_prod. Which one is never guessed: the other holds real people's lines.
 *
 * The modes may share a Redis as they share a machine, so each has keys of its own: else one's workers would answer the
 * other's phones.
 */
import type { Gathered, Given } from "./given.ts";
import { settingsSchema } from "./schema.ts";
import { isObject } from "./settings-text.ts";

interface Choice {
  readonly pair: "test" | "live";
  readonly database: string;
  readonly keyPrefix: string;
}

const CHOICES: Readonly<Record<string, Choice>> = {
  test: { pair: "test", database: "kkobot_test", keyPrefix: "moa-test:" },
  prod: { pair: "live", database: "kkobot_prod", keyPrefix: "moa-prod:" },
};

/** Settles mysqlUrl and keyPrefix. @param databases what the encrypted file says under DBs */
export function chooseByMode({ given, faults }: Gathered, databases: Given | undefined): void {
  const mode = given.get("mode");
  const choice = Object.hasOwn(CHOICES, String(mode?.value)) ? CHOICES[String(mode?.value)] : undefined;
  const isNamed = given.get("mysqlUrl")?.from === "env";
  if (databases !== undefined && !isNamed) {
    if (mode === undefined) faults.push(`${databases.as}: choose one of them: --mode=test or --mode=prod`);
    if (choice !== undefined) takeFromPair(databases, choice, { given, faults });
  }
  if (mode === undefined || choice === undefined) return;
  const byMode = { from: "default", as: mode.as } as const;
  if (!given.has("keyPrefix")) given.set("keyPrefix", { ...byMode, value: choice.keyPrefix });
  const said = given.get("mysqlUrl") ?? { ...byMode, value: settingsSchema.mysqlUrl.default.replace(/[^/]*$/, "") };
  given.set("mysqlUrl", { ...said, value: withDatabase(said.value, choice.database) });
}

function takeFromPair({ value: databases, from, as }: Given, choice: Choice, { given, faults }: Gathered): void {
  const value = urlOf(isObject(databases) ? databases[choice.pair] : undefined, choice.database);
  if (value === undefined) faults.push(`${as}: "${choice.pair}" needs HOST, USER and PASS; NAME and PORT are optional`);
  else given.set("mysqlUrl", { value, from, as: `${as}, "${choice.pair}"` });
}

function urlOf(entry: unknown, database: string): string | undefined {
  if (!isObject(entry)) return undefined;
  const { HOST, USER, PASS, NAME = database, PORT = 3306 } = entry;
  if (![HOST, USER, PASS, NAME].every((one) => typeof one === "string") || HOST === "") return undefined;
  const host = String(HOST).includes(":") ? `[${HOST}]` : HOST;
  return `mysql://${encoded(USER)}:${encoded(PASS)}@${host}:${PORT}/${encoded(NAME)}`;
}

function encoded(part: unknown): string {
  return encodeURIComponent(String(part));
}

/** The URL, with this database unless it names one. What is no URL stays and is a fault later. */
function withDatabase(url: unknown, database: string): unknown {
  if (!URL.canParse(String(url))) return url;
  const place = new URL(String(url));
  if (place.pathname.length > 1) return url;
  place.pathname = `/${database}`;
  return place.href;
}
