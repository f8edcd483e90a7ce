#!/usr/bin/env node
/** Composition root of the `moa` command: the only place that knows the process around it. */
import { lookup } from "node:dns/promises";
import { hostname, userInfo } from "node:os";
import { systemClock } from "#common/backends/system/clock.ts";
import { describeConfig } from "#common/config/load.ts";
import { pause } from "#common/kernel/clock.ts";
import { within } from "#common/kernel/lifecycle.ts";
import { run } from "./program.ts";

const NAME_MS_MAX = 5_000;

const clock = systemClock();
process.exitCode = await run(process.argv.slice(2), {
  env: process.env,
  who: `${userName()}@${hostname()}`,
  settings: (given) => describeConfig({ env: process.env, argv: given }),
  nowMs: () => clock.nowMs(),
  addressesOf: async (host) => {
    const found = await within(clock, NAME_MS_MAX, `looking up ${host}`, lookup(host, { all: true }));
    return found.map(({ address }) => address);
  },
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
