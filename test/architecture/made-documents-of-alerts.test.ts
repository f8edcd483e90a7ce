/** grafana/rules/moa-rules.yml is made from grafana/alerts and checked in, for a Prometheus without Kubernetes. `npm run docs`. */
import { join } from "node:path";
import { expect, it } from "vitest";
import { stringify } from "yaml";
import { ruleGroups } from "#grafana/alerts/rules.ts";
import { ROOT } from "./copied-tree.ts";

it("grafana/rules/moa-rules.yml has every rule", async () => {
  const text = `# Made from grafana/alerts: npm run docs.\n${stringify({ groups: ruleGroups() }, { lineWidth: 0 })}`;
  await expect(text).toMatchFileSnapshot(join(ROOT, "grafana", "rules", "moa-rules.yml"));
});
