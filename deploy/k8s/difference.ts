/** What changes one object into another, as JSON Patch (RFC 6902): exact, and readable line by line. */
export interface Operation {
  readonly op: "add" | "remove" | "replace";
  readonly path: string;
  readonly value?: unknown;
}

export function difference(from: unknown, to: unknown, path = ""): readonly Operation[] {
  if (Array.isArray(from) && Array.isArray(to)) {
    if (from.length !== to.length) return [{ op: "replace", path, value: to }];
    return to.flatMap((item, i) => difference(from[i], item, `${path}/${i}`));
  }
  if (!isMap(from) || !isMap(to)) return from === to ? [] : [{ op: "replace", path, value: to }];
  return [...new Set([...Object.keys(from), ...Object.keys(to)])].flatMap((name) => {
    const here = `${path}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    if (to[name] === undefined) return from[name] === undefined ? [] : [{ op: "remove" as const, path: here }];
    if (from[name] === undefined) return [{ op: "add" as const, path: here, value: to[name] }];
    return difference(from[name], to[name], here);
  });
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
