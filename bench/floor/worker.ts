/** The worker half of the floor (gateway.ts says what it is): reads, answers, acknowledges, keeps the chat log. */
import { Redis } from "ioredis";
import { createConnection, escape as quoted } from "mysql2/promise";

const INSERT =
  "INSERT INTO kb_chat_logs (channel_id, user_hash, room_name, sender, message, directive, message_type, is_meaningful," +
  " bot_name, is_mention, is_group_chat, log_id, client_timestamp, server_timestamp, is_bot, is_our_bot_response," +
  " is_scheduled) VALUES ";
const ROWS = 500;
/** A floor that let its rows pile up in memory would look cheaper than it is. */
const ROWS_MAX = 5_000;
const KOREA_MS = 32_400_000;

type Entry = [id: string, fields: string[]];

const url = process.env.MOA_REDIS_URL ?? "";
const redis = new Redis(url);
const reader = new Redis(url);
// Text as it is: the driver's search for placeholders would cost as much as all JSON.
const mysql = await createConnection({ uri: process.env.MOA_MYSQL_URL ?? "", queryFormat: (sql: string) => sql });
const rows: string[] = [];
let inserting: Promise<void> | undefined;

async function insertAll(): Promise<void> {
  while (rows.length > 0) await mysql.query(INSERT + rows.splice(0, ROWS).join(","));
}

function insert(): void {
  inserting ??= insertAll().finally(() => {
    inserting = undefined;
  });
}

function work(entries: readonly Entry[]): Promise<unknown> {
  const pipeline = redis.pipeline();
  for (const [, fields] of entries) {
    const event = JSON.parse(fields[1] ?? "");
    const { channelId, room, text, botName: bot, isMention, isGroupChat } = event;
    const answer = `에코: ${text.slice("# echo ".length)}`;
    const data = { room, channel_id: channelId, bot_name: bot, text: answer };
    pipeline.publish(bot, `${JSON.stringify({ event: "messageResponse", data })}\n`);
    const at = new Date(event.receivedAt + KOREA_MS).toISOString().slice(0, 19);
    const [place, said] = [`${quoted(channelId)},${quoted(event.userHash)},${quoted(room)}`, quoted(event.sender)];
    const flags = `${quoted(bot)},${Number(isMention)},${Number(isGroupChat)}`;
    const line = `${quoted(event.logId)},${quoted(event.timestamp)},'${at}'`;
    rows.push(
      `(${place},${said},${quoted(text)},'# echo','command',1,${flags},${line},0,0,0)`,
      `(${place},${quoted(bot)},${quoted(answer)},NULL,'normal',0,${flags},NULL,NULL,'${at}',1,1,0)`,
    );
  }
  pipeline.xack("in", "floor", ...entries.map(([id]) => id));
  if (rows.length >= ROWS) insert();
  return pipeline.exec();
}

function read(): Promise<[stream: string, entries: Entry[]][] | null> {
  const read = reader.xreadgroup("GROUP", "floor", "w", "COUNT", 256, "BLOCK", 1_000, "STREAMS", "in", ">");
  return read as Promise<[string, Entry[]][] | null>;
}

process.once("SIGTERM", () => process.exit(0));
await redis.xgroup("CREATE", "in", "floor", "$", "MKSTREAM");
setInterval(insert, 100);
process.send?.({ ready: true, ports: {} });
for (let next = read(); ; ) {
  const batch = await next;
  // Asked for before this batch is worked on, so that Redis fetches while Node answers.
  next = read();
  if (batch !== null) await work(batch[0]?.[1] ?? []);
  if (rows.length > ROWS_MAX) await inserting;
}
