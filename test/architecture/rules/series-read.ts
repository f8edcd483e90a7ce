/** What an expression or a rule's case reads of the pods' pages, and what of it is not there. */

/** Label values by label, by the name of a sample: `moa_x_bucket` and its like stand for themselves. */
export type Page = ReadonlyMap<string, ReadonlyMap<string, ReadonlySet<string>>>;

/** Of the scrape, not of the page. */
const OF_THE_SCRAPE = new Set(["namespace", "pod", "instance", "job"]);

const SELECTOR = /\b(moa_\w+|moa:[\w:]+|nodejs_\w+|process_\w+|up\b)(?:\{([^}]*)\})?/g;
const MATCHER = /(\w+)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"/g;
const GROUPING = /\b(?:by|on|without|ignoring) \(([^)]*)\)/g;

/** @param text of a page, in Prometheus' format */
export function pageOf(text: string): Page {
  const page = new Map<string, Map<string, Set<string>>>();
  for (const line of text.split("\n")) {
    const [, name, labels = ""] = /^(\w+)(?:\{(.*)\})? /.exec(line) ?? [];
    if (name === undefined) continue;
    const known = page.get(name) ?? new Map<string, Set<string>>();
    page.set(name, known);
    for (const [, label = "", , value = ""] of labels.matchAll(MATCHER)) {
      known.set(label, (known.get(label) ?? new Set()).add(value));
    }
  }
  return page;
}

/** Names without the endings that histograms give to theirs. */
export function metricsIn(expr: string): ReadonlySet<string> {
  return new Set([...expr.matchAll(SELECTOR)].map(([, name = ""]) => name.replace(/_(bucket|count|sum)$/, "")));
}

/** @param recorded names of recording rules */
export function missing(expr: string, page: Page, recorded: ReadonlySet<string>): string[] {
  const faults: string[] = [];
  const labels = new Set([...OF_THE_SCRAPE, "le"]);
  for (const [, name = "", matchers = ""] of expr.matchAll(SELECTOR)) {
    if (name === "up" || recorded.has(name)) continue;
    const known = page.get(name);
    if (known === undefined) faults.push(`no metric ${name}`);
    for (const label of known?.keys() ?? []) labels.add(label);
    if (known !== undefined) faults.push(...unmatched(name, matchers, known));
  }
  for (const [, list = ""] of expr.matchAll(GROUPING)) {
    for (const label of list.split(/\s*,\s*/))
      if (!labels.has(label)) faults.push(`no metric here has a label ${label}`);
  }
  return faults;
}

function unmatched(name: string, matchers: string, known: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  return [...matchers.matchAll(MATCHER)].flatMap(([, label = "", operator = "", value = ""]) => {
    if (OF_THE_SCRAPE.has(label)) return [];
    const values = [...(known.get(label) ?? [])];
    if (values.length === 0) return [`${name} has no label ${label}`];
    if (!operator.endsWith("~")) return values.includes(value) ? [] : [`${name} has no ${label} "${value}"`];
    // An edge may be written in two ways, of which a page has one.
    const wanted = label === "le" ? [value] : value.split("|");
    const isThere = (one: string) => values.some((each) => new RegExp(`^(?:${one})$`).test(each));
    return wanted.filter((one) => !isThere(one)).map((one) => `${name} has no ${label} "${one}"`);
  });
}
