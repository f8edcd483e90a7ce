/** What a person who typed `npm start` wants to know, in the order of a message's way. */
import type { Pod } from "./pod.ts";
import type { Stack } from "./stack.ts";

export interface Exchange {
  readonly room: string;
  readonly said: string;
  readonly shown: string;
  readonly ms: number;
}

export function pictureOf(stack: Stack, host: string, dataDir: string): string {
  const pod = ({ child, ports }: Pod) => {
    const bridge = ports.bridge === undefined ? "" : `phones at ${host}:${ports.bridge}, `;
    return line(child.name, child.pid, `${bridge}metrics at http://${host}:${ports.ops}/metrics`);
  };
  return [
    "",
    "  phones",
    "    |  bridge protocol over TCP",
    ...stack.gateways.map(pod),
    "    |  lanes in, outboxes and channels out",
    line("redis", stack.redis?.pid, withoutPassword(stack.redisUrl)),
    "    |",
    ...stack.workers.map(pod),
    "    |  chat log and decisions",
    line("mariadb", stack.mariadb?.pid, withoutPassword(stack.mysqlUrl)),
    "",
    `  data in ${dataDir}, logs in ${dataDir}/logs`,
    "",
  ].join("\n");
}

export function exchangeText({ room, said, shown, ms }: Exchange): string {
  return [
    `  A phone said one line in the room "${room}", and it went all that way and back:`,
    "",
    `    phone  ${said}`,
    `    bot    ${shown}     (${Math.round(ms)} ms)`,
    "",
  ].join("\n");
}

export const NO_EXCHANGE = `  Phones must be approved or sign here (MOA_APPROVAL, MOA_HMAC), so none of ours says a line. To let one in:

    npm run moa -- devices list --status pending     with MOA_OPS_TOKEN, as docs/cli.md says
`;

export const NEXT_STEPS = `  Next, in another terminal:

    npm run chat     a phone in your terminal: type a line, see the bot answer
    npm run fleet    many simulated phones of all dialects, judged for loss, doubles and order

  Ctrl-C here stops everything.
`;

function line(name: string, pid: number | undefined, place: string): string {
  return `  ${name.padEnd(10)}  ${(pid === undefined ? "not ours" : `pid ${pid}`).padEnd(11)} ${place}`;
}

function withoutPassword(url: string): string {
  if (url === "") return "as MOA_REDIS_* say";
  const shown = new URL(url);
  if (shown.password !== "") shown.password = "***";
  return shown.href;
}
