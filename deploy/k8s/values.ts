/** Values of a deployment, and what surrounds them in one of the two forms. */
import { valueCatalogue } from "./value-catalogue.ts";
import { defaultsOf, type ValuesOf } from "./value-shapes.ts";

export type Values = ValuesOf<typeof valueCatalogue>;

/** A part of the values, as a file of `helm --values` gives it. */
export type SomeValues = Some<Values>;
type Some<T> = T extends readonly unknown[] | string | number | boolean ? T : { readonly [K in keyof T]?: Some<T[K]> };

export interface Place {
  /** A Job cannot be changed: each version, or release, has one of its own. */
  readonly jobName: string;
  /** Where the objects will be: Prometheus may look after several deployments. */
  readonly namespace: string;
  readonly configChecksum?: string;
}

export const defaultValues: Values = defaultsOf(valueCatalogue);

/** As Helm merges: maps are joined, anything else is replaced. */
export function merged<T>(base: T, over: Some<NoInfer<T>>): T {
  if (!isMap(base) || !isMap(over)) return over as T;
  const entries = Object.entries(over).map(([name, value]) => [
    name,
    name in base ? merged(base[name], value as Some<unknown>) : value,
  ]);
  return { ...base, ...Object.fromEntries(entries) };
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
