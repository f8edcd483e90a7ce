/** The shapes that values come in, each with its JSON schema (draft-07), and what follows for the whole tree of values. */
import { reference } from "./reference.ts";

export type JsonSchema = Readonly<Record<string, unknown>>;

export interface Leaf<T> {
  readonly value: T;
  readonly doc: string;
  readonly schema: JsonSchema & { readonly type: string };
}

/** The values that a catalogue of leaves describes. */
export type ValuesOf<C> = { readonly [K in keyof C]: C[K] extends Leaf<infer T> ? T : ValuesOf<C[K]> };

export type Catalogue = { readonly [name: string]: Leaf<unknown> | Catalogue };

export function text(value: string, pattern: string, doc: string): Leaf<string> {
  return { value, doc, schema: { type: "string", pattern } };
}

export function whole(
  value: number,
  bounds: { readonly minimum: number; readonly maximum: number },
  doc: string,
): Leaf<number> {
  return { value, doc, schema: { type: "integer", ...bounds } };
}

export function onOff(value: boolean, doc: string): Leaf<boolean> {
  return { value, doc, schema: { type: "boolean" } };
}

export function choice<T extends string>(value: NoInfer<T>, choices: readonly T[], doc: string): Leaf<T> {
  return { value, doc, schema: { type: "string", enum: choices } };
}

export function map(value: Readonly<Record<string, string>>, doc: string): Leaf<Record<string, string>> {
  return { value, doc, schema: { type: "object", additionalProperties: { type: "string" } } };
}

export function list<T extends object>(value: readonly T[], doc: string): Leaf<T[]> {
  return { value: [...value], doc, schema: { type: "array", items: { type: "object" } } };
}

/** One or more: a policy without peers would allow everybody. */
export function someOf<T extends object>(value: readonly T[], doc: string): Leaf<T[]> {
  return { value: [...value], doc, schema: { type: "array", minItems: 1, items: { type: "object" } } };
}

export function isLeaf(node: Leaf<unknown> | Catalogue): node is Leaf<unknown> {
  return "schema" in node && "doc" in node;
}

export function defaultsOf<C extends Catalogue>(catalogue: C): ValuesOf<C> {
  return mapped(catalogue, (leaf) => leaf.value) as ValuesOf<C>;
}

/** In each value's place where the chart finds it. */
export function referencesOf<C extends Catalogue>(catalogue: C): ValuesOf<C> {
  return mapped(catalogue, ({ schema }, path) => {
    const kind =
      schema.type === "string" ? "text" : schema.type === "array" || schema.type === "object" ? "tree" : "bare";
    return reference(kind, `.Values.${path.join(".")}`);
  }) as ValuesOf<C>;
}

export function schemaOf(catalogue: Catalogue): JsonSchema {
  const properties = Object.entries(catalogue).map(([name, node]) => [
    name,
    isLeaf(node) ? { description: node.doc, ...node.schema } : schemaOf(node),
  ]);
  return { type: "object", additionalProperties: false, properties: Object.fromEntries(properties) };
}

type Visit = (leaf: Leaf<unknown>, path: readonly string[]) => unknown;

function mapped(catalogue: Catalogue, visit: Visit, path: readonly string[] = []): object {
  const entries = Object.entries(catalogue).map(([name, node]) => {
    const here = [...path, name];
    return [name, isLeaf(node) ? visit(node, here) : mapped(node, visit, here)];
  });
  return Object.fromEntries(entries);
}
