/**
 * `npm run chat`: a phone in the terminal. What is typed is said in one room; what the bot answers is shown with the
 * room's name. Lines from a pipe work too: it ends when they are answered.
 */
import { hash } from "node:crypto";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { MoaError } from "#common/kernel/errors.ts";
import { readStackRecord } from "./fleet/stack-record.ts";
import { DIALECT_NAMES, type DialectName } from "./phone/dialects.ts";
import { Phone, type Shown } from "./phone/phone.ts";

const USAGE = `usage: npm run chat -- [--bot LOA.i] [--room 테스트방] [--host H] [--port P] [--dialect ${DIALECT_NAMES.join("|")}]`;
const WELCOME_MS_MAX = 3_000;
/** After the last line of a pipe. */
const ANSWER_MS_MAX = 5_000;

process.exitCode = await main().catch((error: unknown) => {
  console.error(error instanceof MoaError ? `chat: ${error.message}` : error);
  return error instanceof MoaError && error.code === "config_invalid" ? 2 : 1;
});

async function main(): Promise<number> {
  const { bot, room, host, port, dialect } = readOptions(process.argv.slice(2));
  const phone = new Phone({ host, port, bot, device: "terminal", dialect });
  try {
    const welcome = once(phone.events, "welcome", { signal: AbortSignal.timeout(WELCOME_MS_MAX) });
    phone.connect();
    await welcome.catch((cause) => {
      const advice = "Is moa running (npm start)? Another place: npm run chat -- --host H --port P";
      throw new MoaError("deadline_passed", `nothing answers at ${host}:${port}. ${advice}`, { cause });
    });
    await talk(phone, { bot, room });
    return 0;
  } finally {
    await phone.close();
  }
}

/** Until the input ends (Ctrl-C or Ctrl-D on a terminal). */
async function talk(phone: Phone, { bot, room }: { bot: string; room: string }): Promise<void> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout, prompt: `${room}> ` });
  // The same room has the same id each time, and another room another one.
  const channel = BigInt(`0x${hash("sha256", room, "hex").slice(0, 15)}`).toString();
  let unanswered = 0;
  let isPrompting = Boolean(process.stdin.isTTY);
  const prompt = () => isPrompting && terminal.prompt(true);
  const show = (line: string) => {
    process.stdout.write(`${isPrompting ? "\r\x1b[K" : ""}${line}\n`);
    prompt();
  };
  phone.events.on("shown", (shown) => {
    unanswered--;
    show(`${bot} in ${shown.room}: ${wordsOf(shown)}`);
  });
  phone.events.on("closed", () => show("(connection lost; the phone dials again in 4 s)"));
  phone.events.on("connected", () => show("(connected)"));
  show(`You are in "${room}" with ${bot}. Type first:  # echo 안녕     (Ctrl-C ends)`);
  terminal.on("line", (text) => {
    if (phone.say({ room, channel, sender: "나", userHash: "terminal", text }) !== null) unanswered++;
    prompt();
  });
  terminal.on("SIGINT", () => terminal.close());
  await once(terminal, "close");
  isPrompting = false;
  const until = performance.now() + ANSWER_MS_MAX;
  while (!process.stdin.isTTY && unanswered > 0 && performance.now() < until) await sleep(20);
  phone.events.removeAllListeners();
}

function wordsOf({ text, media }: Shown): string {
  if (text !== null) return text;
  return `[${media?.length} media] ${media?.map((item) => item.slice(0, 100)).join(" ")}`;
}

function readOptions(args: readonly string[]) {
  const stack = readStackRecord(process.env);
  const text = { type: "string" } as const;
  try {
    const options = { bot: text, room: text, host: text, port: text, dialect: text };
    const { values } = parseArgs({ args: [...args], options });
    const dialect = (values.dialect ?? "v333") as DialectName;
    const port = Number(values.port ?? stack.ports[0]);
    if (!DIALECT_NAMES.includes(dialect)) throw new Error(`there is no dialect ${dialect}`);
    if (!(Number.isInteger(port) && port > 0 && port < 65_536)) throw new Error(`${values.port} is no port`);
    const { bot = "LOA.i", room = "테스트방", host = stack.host } = values;
    return { bot, room, host, port, dialect };
  } catch (cause) {
    throw new MoaError("config_invalid", `${(cause as Error).message}\n${USAGE}`, { cause });
  }
}
