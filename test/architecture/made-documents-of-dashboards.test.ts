/** grafana/dashboards/*.json are made from the entries beside them, and checked in as Grafana reads them: `npm run docs`. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { dashboardJson } from "#grafana/dashboards/build.ts";
import { dashboards } from "#grafana/dashboards/catalogue.ts";
import { ROOT } from "./copied-tree.ts";

describe("dashboards made from their entries", () => {
  for (const dashboard of dashboards) {
    it(`${dashboard.uid}.json is what its entry says`, async () => {
      const file = join(ROOT, "grafana/dashboards", `${dashboard.uid}.json`);
      await expect(dashboardJson(dashboard)).toMatchFileSnapshot(file);
    });
  }
});
