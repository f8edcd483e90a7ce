/**
 * One source, two forms. `manifests` is called with values and gives what kubectl applies; called with references in
 * the values' places it gives what the chart's templates are made of (templates.ts). So it may put a value somewhere,
 * ask `when` and `is`, and nothing else: what it computed would be computed for one of the two only.
 *
 *   ⟦kind:expression⟧   kind: bare (a number or truth), text (quoted where it stands alone), tree (as JSON)
 */
type Kind = "bare" | "text" | "tree";

const WHOLE = /^⟦(bare|text|tree):([^⟧]*)⟧$/;
const ANY = /⟦(bare|text|tree):([^⟧]*)⟧/g;

/** @param expression of the template language, as `.Values.workers.replicas` */
export function reference(kind: Kind, expression: string): string {
  return `⟦${kind}:${Buffer.from(expression).toString("base64url")}⟧`;
}

/** A part of a manifest that the chart renders under a condition. */
export class Optional {
  readonly condition: string;
  readonly value: unknown;

  constructor(condition: string, value: unknown) {
    this.condition = condition;
    this.value = value;
  }
}

/** The object while it is so, else nothing. */
export function when<T>(isSo: boolean, object: T): T | undefined {
  if (typeof isSo === "boolean") return isSo ? object : undefined;
  return new Optional(expressionOf(isSo), object) as T;
}

/** The fields while it is so, else none: to be spread. */
export function fieldsWhen<T extends object>(isSo: boolean, fields: T): Partial<T> {
  const entries = Object.entries(fields).map(([name, value]) => [name, when(isSo, value)]);
  return isSo === false ? {} : (Object.fromEntries(entries) as Partial<T>);
}

export function is<T extends string>(value: T, wanted: T): boolean {
  if (!WHOLE.test(value)) return value === wanted;
  return reference("bare", `eq ${expressionOf(value)} "${wanted}"`) as unknown as boolean;
}

/** Whether something is said of it. */
export function isSaid(text: string): boolean {
  return WHOLE.test(text) ? (reference("bare", expressionOf(text)) as unknown as boolean) : text !== "";
}

/** One of a map's entries; empty where there is none. */
export function entryOf(map: Readonly<Record<string, string>>, name: string): string {
  return WHOLE.test(String(map)) ? reference("text", `${expressionOf(map)}.${name}`) : (map[name] ?? "");
}

/** The text behind a mark, or nothing where it is empty. */
export function behind(mark: string, text: string): string {
  if (!WHOLE.test(text)) return text === "" ? "" : `${mark}${text}`;
  const expression = expressionOf(text);
  return reference("bare", `ternary (printf "${mark}%s" ${expression}) "" (ne ${expression} "")`);
}

/** Those of them that are there. */
export function present<T>(...items: readonly (T | undefined)[]): T[] {
  return items.filter((item) => item !== undefined);
}

/** A number where Kubernetes wants text. */
export function textOf(value: number): string {
  return typeof value === "number" ? `${value}` : reference("text", expressionOf(value));
}

/** With every reference written in the template language. */
export function written(text: string): string {
  const [, kind, encoded = ""] = WHOLE.exec(text) ?? [];
  if (kind === undefined) return text.replace(ANY, (_, _kind, one: string) => `{{ ${decoded(one)} }}`);
  if (kind === "tree") return `{{ toJson ${decoded(encoded)} }}`;
  return kind === "text" ? `{{ ${decoded(encoded)} | quote }}` : `{{ ${decoded(encoded)} }}`;
}

export function hasReference(text: string): boolean {
  return text.search(ANY) >= 0;
}

function expressionOf(value: unknown): string {
  return decoded(WHOLE.exec(String(value))?.[2] ?? "");
}

function decoded(text: string): string {
  return Buffer.from(text, "base64url").toString();
}
