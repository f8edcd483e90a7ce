/**
 * `bench -- tracing`: what traces of 1 % of the lines cost, exported to a process beside them. moa against itself without
 * an endpoint, in alternating rounds; the CPU of whoever takes the spans is not moa's.
 */
import type { Bed } from "./bed.ts";
import { type EchoOptions, echoAgainstRevision, type Outcome } from "./echo.ts";
import { HERE, moaOf } from "./variant.ts";

const RATIO = 0.01;
/** Of CPU per line. More is proven only when the whole interval lies beyond it: five rounds on a shared machine scatter. */
const CPU_TIMES_MAX = 1.05;

export async function tracingAgainstNone(bed: Bed, options: EchoOptions): Promise<Outcome> {
  const collector = await bed.pod({ name: "collector", root: HERE, args: ["bench/bare/collector.ts"] });
  const env = { MOA_OTLP_URL: `http://127.0.0.1:${collector.port}/v1/traces`, MOA_TRACE_RATIO: `${RATIO}` };
  const pair = [moaOf(HERE, "traced", env), moaOf(HERE, "untraced")] as const;
  const { result, intervals, table, failed } = await echoAgainstRevision(bed, pair, options);
  const { spans } = await collector.ask<{ spans: number }>("how many");
  const cpuLow = intervals.cpu[0];
  const faults = [
    ...failed,
    ...(spans === 0 ? ["void: no span came"] : []),
    ...(cpuLow > CPU_TIMES_MAX
      ? [`tracing costs ${cpuLow} times the CPU per line at least, more than ${CPU_TIMES_MAX}`]
      : []),
  ];
  return { result: { ...result, bench: "tracing", trace_ratio: RATIO, spans }, table, failed: faults };
}
