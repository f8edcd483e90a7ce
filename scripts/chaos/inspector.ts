/** Has a pod do from outside what no fault of a network does: stand still, or hoard. Every Node opens its debugger when it is asked to. */
import { once } from "node:events";
import { type SitePod, until } from "./site.ts";

/** A pod whose debugger would listen there (NODE_OPTIONS=--inspect-port). */
export type Inspectable = Pick<SitePod, "child" | "inspectPort">;

interface Target {
  readonly webSocketDebuggerUrl: string;
}

/** Resolves when the loop runs again: how long it stood, ms. */
export async function blockLoop(pod: Inspectable, ms: number): Promise<number> {
  const startedAt = performance.now();
  const expression = `(() => { const end = Date.now() + ${ms}; while (Date.now() < end); return ${ms}; })()`;
  const value = await evaluate(pod, expression, ms + 20_000);
  return value === ms ? performance.now() - startedAt : Number.NaN;
}

/** The pod keeps more and more objects from now on. */
export async function hoard(pod: Inspectable): Promise<void> {
  const more = "hoarded.push(Array.from({ length: 200_000 }, (_, i) => ({ i })))";
  await evaluate(pod, `globalThis.hoarded = []; setInterval(() => ${more}, 20); 1`, 20_000);
}

/** The pod keeps more and more numbers until that share of the heap that it may have is in use. */
export async function fillHeap(pod: Inspectable, share: number): Promise<void> {
  const limit = 'process.getBuiltinModule("node:v8").getHeapStatistics().heap_size_limit';
  const isRoom = `process.memoryUsage().heapUsed < ${share} * ${limit}`;
  const fill = `while (${isRoom}) kept.push(new Array(1_000_000).fill(0.5))`;
  await evaluate(pod, `globalThis.kept ??= []; ${fill}; 1`, 20_000);
}

async function evaluate({ child, inspectPort }: Inspectable, expression: string, msMax: number): Promise<unknown> {
  process.kill(child.pid as number, "SIGUSR1");
  let targets: readonly Target[] = [];
  await until("the debugger listens", 10_000, async () => {
    const answer = await fetch(`http://127.0.0.1:${inspectPort}/json/list`).catch(() => null);
    targets = answer === null ? [] : ((await answer.json()) as Target[]);
    return targets.length > 0;
  });
  const socket = new WebSocket((targets[0] as Target).webSocketDebuggerUrl);
  await once(socket, "open", { signal: AbortSignal.timeout(5_000) });
  const done = once(socket, "message", { signal: AbortSignal.timeout(msMax) });
  socket.send(JSON.stringify({ id: 1, method: "Runtime.evaluate", params: { expression, returnByValue: true } }));
  const [said] = (await done) as [{ readonly data: string }];
  socket.close();
  return (JSON.parse(said.data) as { result?: { result?: { value?: unknown } } }).result?.result?.value;
}
