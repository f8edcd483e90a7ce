#!/usr/bin/env node
/** Composition root of the `moa` command: the only place that knows the process around it. */
import { lookup } from "node:dns/promises";
import { hostname, userInfo } from "node:os";
import { systemClock } from "#common/backends/system/clock.ts";
import { describeConfig } from "#common/config/load.ts";
import { pause } from "#common/kernel/clock.ts";
import { within } from "#common/kernel/lifecycle.ts";
import type { Terminal } from "./desk.ts";
import { run } from "./program.ts";

const NAME_MS_MAX = 5_000;
const CTRL_C = 3;

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
  pause: (ms, signal) => pause(clock, ms, signal),
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  terminal: process.stdout.isTTY ? terminal() : null,
});

/** Keys come one by one and unseen while somebody listens; Ctrl-C is a key then. */
function terminal(): Terminal {
  const { stdin, stdout } = process;
  return {
    get columns() {
      return stdout.columns;
    },
    get rows() {
      return stdout.rows;
    },
    onLeave(listener) {
      const onKeys = (keys: Buffer) => {
        if (keys.includes("q") || keys.includes(CTRL_C)) listener();
      };
      const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
      for (const signal of signals) process.on(signal, listener);
      if (stdin.isTTY) stdin.setRawMode(true);
      stdin.on("data", onKeys);
      return () => {
        for (const signal of signals) process.off(signal, listener);
        if (stdin.isTTY) stdin.setRawMode(false);
        stdin.off("data", onKeys).pause();
      };
    },
  };
}

/** A user id of a container need not have a name. */
function userName(): string {
  try {
    return process.env.SUDO_USER ?? userInfo().username;
  } catch {
    return `uid ${process.getuid?.()}`;
  }
}
