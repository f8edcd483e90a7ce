#!/usr/bin/env node
/** Composition root of the `moa` command: the only place that knows the process around it. */
import { hostname, userInfo } from "node:os";
import { systemClock } from "#common/backends/system/clock.ts";
import { describeConfig } from "#common/config/load.ts";
import { pause } from "#common/kernel/clock.ts";
import { run } from "./program.ts";

const clock = systemClock();
process.exitCode = await run(process.argv.slice(2), {
  env: process.env,
  who: `${userName()}@${hostname()}`,
  settings: (given) => describeConfig({ env: process.env, argv: given }),
  nowMs: () => clock.nowMs(),
  pause: (ms) => pause(clock, ms),
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
});

/** A user id of a container need not have a name. */
function userName(): string {
  try {
    return process.env.SUDO_USER ?? userInfo().username;
  } catch {
    return `uid ${process.getuid?.()}`;
  }
}
