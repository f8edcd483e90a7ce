/** An object as it comes out of a file: nothing is known of it but where to look. */
export interface Thing {
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

export type Things = readonly Thing[];

export function idOf({ kind, metadata }: Thing): string {
  return `${kind}/${metadata.name}`;
}

/** What is at the path, as `spec/template/spec/containers/0`; undefined where there is nothing. */
export function at(value: unknown, path: string): unknown {
  return path.split("/").reduce((found: unknown, name) => (isMap(found) ? found[name] : undefined), value);
}

/** Nothing where there is none. */
export function listAt(value: unknown, path: string): readonly unknown[] {
  const found = at(value, path);
  return Array.isArray(found) ? found : [];
}

export function mapAt(value: unknown, path: string): Readonly<Record<string, unknown>> {
  const found = at(value, path);
  return isMap(found) ? found : {};
}

/** The objects with something else at the path of one of them; with undefined, with nothing. */
export function planted(things: Things, id: string, [path, value]: readonly [path: string, value: unknown]): Things {
  const copy = structuredClone(things);
  const thing = copy.find((one) => idOf(one) === id);
  const names = path.split("/");
  const last = names.pop() ?? "";
  const place = names.length === 0 ? thing : at(thing, names.join("/"));
  if (!isMap(place)) throw new Error(`${id} has no ${path}`);
  if (value === undefined) delete place[last];
  else place[last] = value;
  return copy;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
