/** `moa devices show`: how a phone is. */
import type { Command } from "commander";
import type { DeviceStatus } from "#common/observe/device-routes.ts";
import type { Desk } from "./desk.ts";
import { ageOf, type Cell, tableOf } from "./print.ts";

export function addDeviceStatus(devices: Command, desk: Desk): void {
  devices
    .command("show <bot> <device>")
    .description("its status, its newest vitals, and the round trip of our last pings")
    .action(async (bot: string, device: string) => {
      const answer = await desk.pods.one<DeviceStatus>({ method: "GET", path: "device", query: { bot, device } });
      desk.show(answer, tableOf(["what", "value"], rowsOf(answer, desk.surroundings.nowMs())));
    });
}

function rowsOf({ device, newest, meanRttMs, measured }: DeviceStatus, nowMs: number): readonly Cell[][] {
  const known: Cell[][] = [
    ["status", device.status],
    ["reason", device.reason],
    ["address", device.address],
    ["client", `${device.clientType} ${device.clientVersion}`],
    ["mean round trip", meanRttMs === null ? "not measured" : `${Math.round(meanRttMs)} ms of ${measured}`],
  ];
  if (newest === null) return [...known, ["last ping", "none on record"]];
  const { vitals } = newest;
  return [
    ...known,
    ["last ping", `${ageOf(nowMs - newest.at)} ago${vitals.isManual ? ", by hand" : ""}`],
    ["memory, MB", vitals.memoryUsedMb === null ? null : `${vitals.memoryUsedMb} of ${vitals.memoryMaxMb ?? "?"}`],
    ["cpu, %", vitals.cpu],
    ["temperature", vitals.temperature],
    ["uptime", vitals.uptimeMs === null ? null : ageOf(vitals.uptimeMs)],
    ["lines read", vitals.messageCount],
    ["last line", vitals.lastActivity],
    ["waiting, rooms", [vitals.queueSize, vitals.activeRooms].map((one) => one ?? "?").join(", ")],
  ];
}
