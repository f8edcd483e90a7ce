/**
 * A row of kb_schedule, as the original's admin pages write it, read as what is to be sent and when. Pictures are JSON,
 * `[{"base64": "..."}]` or `[{"path": "..."}]`; those that are kept as files on the pages' own machine cannot be sent from
 * here, only what is an address on the web.
 */
import { sql } from "kysely";
import type { MediaItem } from "#common/contract/envelope.ts";
import { limits } from "#common/contract/limits.ts";
import { KOREA_MS } from "#workers/domain/korean-clock.ts";
import type { Times } from "#workers/domain/schedules.ts";
import type { Schedule } from "#workers/domain/stores.ts";

/** Texts, because drivers and servers differ in what they make of dates and JSON. */
export const SCHEDULE_COLUMNS = sql.raw(`id, next_send_at AS next, target_bot_name AS bot, target_room_id AS channel,
  target_device_id AS device, message_text AS text, CAST(message_images_1 AS CHAR) AS images1,
  CAST(message_images_2 AS CHAR) AS images2, media_wait_time_1 AS wait1, media_wait_time_2 AS wait2,
  schedule_type AS kind, CAST(schedule_date AS CHAR) AS date, CAST(schedule_time AS CHAR) AS time,
  CAST(schedule_times AS CHAR) AS times, CAST(schedule_weekdays AS CHAR) AS weekdays, valid_from AS validFrom,
  valid_until AS validUntil`);

export interface ScheduleRow {
  readonly id: number;
  readonly next: Date | null;
  readonly bot: string;
  readonly channel: string;
  readonly device: string | null;
  readonly text: string | null;
  readonly images1: string | null;
  readonly images2: string | null;
  readonly wait1: number | null;
  readonly wait2: number | null;
  readonly kind: Times["kind"];
  readonly date: string | null;
  readonly time: string | null;
  readonly times: string | null;
  readonly weekdays: string | null;
  readonly validFrom: Date | null;
  readonly validUntil: Date | null;
}

const WEEKDAYS = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

/** What a DATETIME of Korean wall clock reads as on a connection whose clock is UTC, as epoch ms; and back. */
export function instantOf(wall: Date): number {
  return wall.getTime() - KOREA_MS;
}

export function wallOf(ms: number): Date {
  return new Date(ms + KOREA_MS);
}

export function scheduleOf(row: ScheduleRow, room: string | null): Schedule {
  const { id, next, bot, channel, text } = row;
  const groups = [
    { name: "images_1", waitMs: row.wait1, ...picturesIn(row.images1) },
    { name: "images_2", waitMs: row.wait2, ...picturesIn(row.images2) },
  ];
  const pictures = groups.flatMap(({ name, items, waitMs }) => {
    const wait = waitMs === null ? {} : { waitMs };
    return items.length === 0 ? [] : [{ name, reply: { kind: "media", media: "image", items, ...wait } as const }];
  });
  const said = text === null || text.trim() === "" ? [] : [{ name: "text", reply: { kind: "text", text } as const }];
  const lacks = groups.flatMap(({ name, lack }) => (lack === "" ? [] : [`${name}: ${lack}`])).join("; ");
  const knownMs = next === null ? null : instantOf(next);
  return { id, knownMs, bot, channel, room, times: timesOf(row), parts: [...said, ...pictures], lacks };
}

function timesOf({ kind, date, time, times, weekdays, validFrom, validUntil }: ScheduleRow): Times {
  const several = listIn(times).flatMap((one) => timeOf(one) ?? []);
  const single = timeOf(time);
  const given = weekdays?.split(",") ?? [];
  return {
    kind,
    timesMs: several.length > 0 || single === null ? several : [single],
    weekdays: WEEKDAYS.flatMap((name, day) => (given.includes(name) ? [day] : [])),
    onceMs: date === null || single === null ? null : Date.parse(`${date}T00:00:00Z`) + single - KOREA_MS,
    validFromMs: validFrom === null ? null : instantOf(validFrom),
    validUntilMs: validUntil === null ? null : instantOf(validUntil),
  };
}

/** `09:00`, with or without seconds, as ms of the day. */
function timeOf(given: unknown): number | null {
  const [, hours, minutes, seconds = "0"] = /^(\d{1,2}):(\d{2})(?::(\d{2}))?/.exec(String(given)) ?? [];
  const ms = (Number(hours) * 3_600 + Number(minutes) * 60 + Number(seconds)) * 1_000;
  return ms < 86_400_000 ? ms : null;
}

function picturesIn(json: string | null): { readonly items: readonly MediaItem[]; readonly lack: string } {
  const given = listIn(json);
  const items = given.flatMap((one) => pictureOf(one) ?? []);
  const chars = items.reduce((sum, { value }) => sum + value.length, 0);
  if (chars > limits.scheduledMediaCharsMax) return { items: [], lack: `larger than ${limits.scheduledMediaCharsMax}` };
  const lost = given.length - items.length;
  return { items, lack: lost === 0 ? "" : `${lost} of ${given.length} are not kept in the database` };
}

function pictureOf(one: unknown): MediaItem | null {
  const { base64, url, path, file } = (typeof one === "object" && one !== null ? one : { base64: one }) as Record<
    string,
    unknown
  >;
  if (typeof base64 === "string" && base64 !== "") {
    return { form: "base64", value: base64.replace(/^data:[^,]*,/, "") };
  }
  const address = [url, path, file].find((value) => typeof value === "string" && /^https?:\/\//i.test(value));
  return address === undefined ? null : { form: "url", value: String(address) };
}

/** Empty when it is none. */
function listIn(json: string | null): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(json ?? "[]");
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}
