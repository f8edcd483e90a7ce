/** Objects as YAML; where they hold references and conditions, as a template of the chart. */
import { Scalar, stringify } from "yaml";
import { hasReference, Optional, reference, written } from "./reference.ts";

/** Conditions stand in the YAML as entries of their own, and become lines of the template language. */
const CONTROL = /^ *(?:- )?⟦(if|end):([^⟧]*)⟧\d*(?:: null)?\n/gm;
const END = "⟦end:⟧";

export function yamlOf(value: unknown): string {
  return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });
}

/** @param objects each may be Optional: then its whole document is conditional */
export function templateOf(objects: readonly unknown[]): string {
  return objects.map((object, i) => documentAmong(object, objects[i - 1], objects[i + 1])).join("");
}

/** Neighbours under one condition share it. */
function documentAmong(object: unknown, before: unknown, after: unknown): string {
  if (!(object instanceof Optional)) return document(object);
  const isShared = (other: unknown) => other instanceof Optional && other.condition === object.condition;
  const begin = isShared(before) ? "" : `{{- if ${object.condition} }}\n`;
  return `${begin}${document(object.value)}${isShared(after) ? "" : "{{- end }}\n"}`;
}

function document(object: unknown): string {
  const yaml = yamlOf(marked(object)).replace(CONTROL, (_, word: string, condition: string) => {
    return word === "end" ? "{{- end }}\n" : `{{- if ${Buffer.from(condition, "base64url")} }}\n`;
  });
  return `---\n${written(yaml.replace(/"(⟦[^⟧]*⟧)"/g, (_, alone: string) => written(alone)))}`;
}

function condition(text: string): string {
  return `⟦if:${Buffer.from(text).toString("base64url")}⟧`;
}

function marked(value: unknown): unknown {
  if (typeof value === "string") return markedText(value);
  if (Array.isArray(value)) return value.flatMap(markedItem);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).flatMap(([name, one], i) => {
    if (!(one instanceof Optional)) return [[name, marked(one)]];
    return [
      [`${condition(one.condition)}${i}`, null],
      [name, marked(one.value)],
      [`${END}${i}`, null],
    ];
  });
  return Object.fromEntries(entries);
}

function markedItem(item: unknown): unknown[] {
  if (!(item instanceof Optional)) return [marked(item)];
  return [condition(item.condition), marked(item.value), END];
}

/** What looks like the template language is text, as in an alert's summary; what holds a reference is quoted. */
function markedText(text: string): unknown {
  const escaped = text.replaceAll("{{", reference("bare", '"{{"'));
  if (!hasReference(escaped)) return escaped;
  const scalar = new Scalar(escaped);
  scalar.type = Scalar.QUOTE_DOUBLE;
  return scalar;
}
