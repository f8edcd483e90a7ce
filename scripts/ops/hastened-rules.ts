import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { type RuleGroup, ruleGroups } from "#grafana/alerts/rules.ts";
import { SCRAPE_EVERY_S } from "#scripts/stack/prometheus.ts";

/** What a run of a minute waits in the place of minutes. */
export const HASTENED_FOR = "5s";

/** The rules as they are shipped, but judged at every scrape and without the patience of their `for`. */
export function hastened(groups: readonly RuleGroup[]): readonly RuleGroup[] {
  return groups.map((group) => ({
    ...group,
    interval: `${SCRAPE_EVERY_S}s`,
    rules: group.rules.map((rule) => (rule.for === undefined ? rule : { ...rule, for: HASTENED_FOR })),
  }));
}

/** Path of a file of them, in that folder. */
export function hastenedRules(dir: string): string {
  const file = join(dir, "hastened-rules.yml");
  writeFileSync(file, stringify({ groups: hastened(ruleGroups()) }));
  return file;
}
