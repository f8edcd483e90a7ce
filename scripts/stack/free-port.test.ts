import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { claim } from "./free-port.ts";

test("a port that one process drew is no other's until that process ends", async () => {
  const program = `import("${import.meta.dirname}/free-port.ts").then(async (ports) => console.log(await ports.freePort()))`;
  const other = spawn(process.execPath, ["-e", `${program}; setInterval(() => {}, 1000)`]);
  const [port] = await once(other.stdout, "data");
  expect(await claim(Number(port))).toBe(false);
  other.kill();
  await once(other, "exit");
  expect(await claim(Number(port))).toBe(true);
});
