/** What phones say of themselves beyond the original's columns, and which pings somebody asked for. */
import type { Migration } from "kysely/migration";
import { bringUp, type OriginalTable } from "./original-table.ts";

const vitals: OriginalTable = {
  name: "kb_ping_monitor",
  comment: "핑 모니터링 테이블",
  columns: [
    ["client_status", "json DEFAULT NULL", "클라이언트 상태"],
    ["is_manual", "tinyint(1) NOT NULL DEFAULT 0", "수동 핑 여부"],
  ],
  indexes: [],
};

export const pingVitals: Migration = { up: (db) => bringUp(db, vitals) };
