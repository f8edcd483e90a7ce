/** `moa devices` and `moa rooms`: who may talk. */
import type { Command } from "commander";
import type { KnownDevice, KnownRoom } from "#common/ports/administration.ts";
import type { ApprovalStatus } from "#common/ports/approvals.ts";
import type { Desk } from "./desk.ts";
import { addDeviceStatus } from "./device-status.ts";
import { type Cell, tableOf } from "./print.ts";

const VERDICTS: Readonly<Record<string, readonly [status: ApprovalStatus, help: string]>> = {
  approve: ["approved", "let it talk"],
  deny: ["denied", "refuse one that asks"],
  revoke: ["revoked", "take an approval back"],
  block: ["blocked", "refuse it for good"],
};

interface ListOptions {
  readonly status?: string;
  readonly bot?: string;
  readonly limit?: string;
}

interface ChangeOptions {
  readonly reason?: string;
  readonly device?: string;
}

interface ChangeAnswer {
  readonly changed: readonly { bot: string; device: string; channel?: string; before: string; after: string }[];
  readonly announced: boolean;
}

export function addDevices(program: Command, desk: Desk): void {
  const group = program.command("devices").description("phones, and whether they may talk");
  addList(group, "devices, those registered last first", async (query) => {
    const answer = await desk.pods.one<{ devices: readonly KnownDevice[] }>({ method: "GET", path: "devices", query });
    const rows = answer.devices.map((one) => [
      ...[one.bot, one.device, one.status, one.address],
      ...[one.clientType, one.clientVersion, one.reason],
    ]);
    desk.show(answer, tableOf(["bot", "device", "status", "address", "client", "version", "reason"], rows));
  });
  addDeviceStatus(group, desk);
  for (const [verb, [status, help]] of Object.entries(VERDICTS)) {
    group
      .command(`${verb} <bot> <device>`)
      .description(help)
      .option("--reason <text>", "kept with it, and in the audit")
      .action(async (bot: string, device: string, { reason }: ChangeOptions) => {
        await change(desk, "devices", { bot, device, status, reason });
      });
  }
}

export function addRooms(program: Command, desk: Desk): void {
  const group = program.command("rooms").description("chat rooms, and whether bots may answer in them");
  addList(group, "rooms, those registered last first", async (query) => {
    const answer = await desk.pods.one<{ rooms: readonly KnownRoom[] }>({ method: "GET", path: "rooms", query });
    const rows = answer.rooms.map((one) => [one.bot, one.channel, one.roomName, one.device, one.status, one.reason]);
    desk.show(answer, tableOf(["bot", "channel", "room", "device", "status", "reason"], rows));
  });
  for (const [verb, [status, help]] of Object.entries(VERDICTS)) {
    group
      .command(`${verb} <bot> <channel>`)
      .description(help)
      .option("--device <device>", "only as this device of the bot knows the room")
      .option("--reason <text>", "kept with it, and in the audit")
      .action(async (bot: string, channel: string, { device, reason }: ChangeOptions) => {
        await change(desk, "rooms", { bot, channel, device, status, reason });
      });
  }
}

function addList(group: Command, help: string, list: (query: Record<string, string | undefined>) => Promise<void>) {
  group
    .command("list")
    .description(help)
    .option("--status <status>", "only pending, approved, denied, revoked or blocked ones")
    .option("--bot <bot>", "only of this bot")
    .option("--limit <rows>", "at most so many")
    .action(({ status, bot, limit }: ListOptions) => list({ status, bot, limit }));
}

async function change(desk: Desk, path: "devices" | "rooms", body: object): Promise<void> {
  const answer = await desk.pods.one<ChangeAnswer>({ method: "POST", path, body });
  const rows = answer.changed.map(({ bot, device, channel, before, after }): Cell[] => [
    ...[bot, ...(channel === undefined ? [] : [channel]), device],
    ...[before, after],
  ]);
  const place = path === "rooms" ? ["bot", "channel", "device"] : ["bot", "device"];
  desk.show(answer, tableOf([...place, "before", "after"], rows));
  if (!answer.announced) desk.surroundings.err("made, but not announced: pods see it within a minute\n");
}
