import { expect, test } from "vitest";
import { MetricsPage } from "./prometheus-text.ts";

const PAGE = `# HELP moa_connections Open connections.
# TYPE moa_connections gauge
moa_connections{role="writer",transport="tcp"} 3
moa_connections{role="standby",transport="tcp"} 2
moa_lanes_owned 8
process_cpu_seconds_total 1.5e-2
nonsense
`;

test("series are summed over a label, grouped by one, and 0 when they are not there", () => {
  const page = new MetricsPage(PAGE);
  expect(page.sum("moa_connections")).toBe(5);
  expect(page.sum("moa_connections", 'role="writer"')).toBe(3);
  expect(page.by("moa_connections", "role")).toEqual({ writer: 3, standby: 2 });
  expect([page.sum("moa_lanes_owned"), page.sum("process_cpu_seconds_total"), page.sum("absent")]).toEqual([
    8, 0.015, 0,
  ]);
});
