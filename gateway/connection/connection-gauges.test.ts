import { expect, test } from "vitest";
import { createMetrics } from "#common/observe/metrics.ts";
import { FakeClock } from "#test/fixtures/fake-clock.ts";
import { connectionGauges } from "./connection-gauges.ts";

test("the gauges show the worst connection of each role, and forget those that are gone", async () => {
  const clock = new FakeClock();
  const { metrics, expose } = createMetrics(false);
  const connections = [
    { role: "writer", watch: { silentMs: 2_000 }, bufferedBytes: 10 },
    { role: "writer", watch: { silentMs: 31_000 }, bufferedBytes: 70 },
    { role: "standby", watch: { silentMs: 500 }, bufferedBytes: 0 },
    { role: null, watch: { silentMs: 90_000 }, bufferedBytes: 0 },
  ] as const;
  let present: readonly (typeof connections)[number][] = connections;
  const gauges = connectionGauges({ clock, metrics }, () => present);
  const line = async (name: string) => (await expose()).split("\n").find((one) => one.startsWith(`${name} `));
  await gauges.start?.();
  expect(await line('moa_zombie_connection_oldest_age_seconds{role="writer"}')).toMatch(/ 31$/);
  expect(await line('moa_zombie_connection_oldest_age_seconds{role="standby"}')).toMatch(/ 0.5$/);
  expect(await line("moa_socket_buffered_max_bytes")).toMatch(/ 70$/);
  present = connections.slice(2);
  await clock.advance(5_000);
  expect(await line('moa_zombie_connection_oldest_age_seconds{role="writer"}')).toMatch(/ 0$/);
  await gauges.stop?.();
});
