/**
 * Migrations in order, imported one by one: nothing scans a folder, and a bundle has them all. Expand and contract: pods
 * of the version before go on working on the new tables. DDL commits by itself, so each can be run again after a crash
 * in its middle.
 */
import type { Migration } from "kysely/migration";
import { chatLogs } from "./0001-chat-logs.ts";
import { lanesAndOutbox } from "./0002-lanes-and-outbox.ts";
import { approval } from "./0003-approval.ts";
import { pingMonitor } from "./0004-ping-monitor.ts";
import { pingVitals } from "./0005-ping-vitals.ts";
import { autoReplies } from "./0006-auto-replies.ts";
import { schedules } from "./0007-schedules.ts";

export const migrations: Readonly<Record<string, Migration>> = {
  "0001-chat-logs": chatLogs,
  "0002-lanes-and-outbox": lanesAndOutbox,
  "0003-approval": approval,
  "0004-ping-monitor": pingMonitor,
  "0005-ping-vitals": pingVitals,
  "0006-auto-replies": autoReplies,
  "0007-schedules": schedules,
};
