/**
 * `moa top`: what runs, looked at anew each second. It asks what every other command asks, and keeps nothing: what it
 * shows of rates is the difference of two looks.
 *
 *   look ─> draw over what was there ─> a second, or q ─> look ─> ...
 *
 * Plain ANSI, no second screen: what was shown last stays when it ends.
 */
import type { Command } from "commander";
import type { Desk, Terminal } from "./desk.ts";
import { Lookout, type Overview } from "./overview.ts";
import { screenOf } from "./overview-screen.ts";

const EVERY_MS = 1_000;
/** A pod that stands still shall not stop the picture of the others. */
const ANSWER_MS_MAX = 1_000;
/** Of a file, and of what asks for one look. */
const PAPER = { columns: 100, rows: 1_000 };

const HOME = "\x1b[H";
const CLEAR = "\x1b[2J";
const CLEAR_LINE = "\x1b[K";
const CLEAR_BELOW = "\x1b[J";
const HIDE_CURSOR = "\x1b[?25l";
const SHOW_CURSOR = "\x1b[?25h";

export function addTop(program: Command, desk: Desk): void {
  program
    .command("top")
    .description("pods, lanes, writers and failovers, looked at each second; q ends it")
    .option("--once", "one look, as --json and a file as output get it")
    .action(async ({ once }: { readonly once?: boolean }) => {
      const { nowMs, terminal } = desk.surroundings;
      const lookout = new Lookout(desk.pods.within(ANSWER_MS_MAX), nowMs);
      if (once || desk.isForScripts || terminal === null) await lookOnce(desk, lookout);
      else await lookUntilLeft(desk, lookout, terminal);
    });
}

/** Two looks: a rate is what changed between them. */
async function lookOnce(desk: Desk, lookout: Lookout): Promise<void> {
  await lookout.look();
  await desk.surroundings.pause(EVERY_MS);
  const overview = await lookout.look();
  desk.show(overview, `${screenOf(overview, PAPER).join("\n")}\n`);
  desk.note({ unreachable: awayOf(overview) });
}

async function lookUntilLeft(desk: Desk, lookout: Lookout, terminal: Terminal): Promise<void> {
  const { out, pause } = desk.surroundings;
  const leave = new AbortController();
  const { signal } = leave;
  const endListening = terminal.onLeave(() => leave.abort());
  out(HIDE_CURSOR + CLEAR);
  try {
    while (!signal.aborted) {
      const overview = await lookout.look();
      // The last row stays free: a line end there would move all others up.
      const lines = screenOf(overview, { columns: terminal.columns, rows: terminal.rows - 1 });
      out(`${HOME}${lines.map((line) => `${line}${CLEAR_LINE}\n`).join("")}${CLEAR_BELOW}`);
      await pause(EVERY_MS, signal);
    }
  } finally {
    out(SHOW_CURSOR);
    endListening();
  }
}

function awayOf({ pods }: Overview): readonly string[] {
  return pods.flatMap(({ pod, state }) => (state === "away" ? [pod] : []));
}
