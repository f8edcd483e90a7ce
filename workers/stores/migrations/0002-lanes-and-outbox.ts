/** What moa itself keeps: fences and positions of lanes, events whose changes are made, actions awaiting a receipt. */
import { sql } from "kysely";
import type { Migration } from "kysely/migration";

const TABLES = [
  `moa_lanes (
    lane SMALLINT UNSIGNED NOT NULL PRIMARY KEY,
    epoch BIGINT UNSIGNED NOT NULL
  )`,
  `moa_lane_position (
    lane SMALLINT UNSIGNED NOT NULL PRIMARY KEY,
    position VARCHAR(41) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    updated_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3)
  )`,
  `moa_seen_events (
    event CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    lane SMALLINT UNSIGNED NOT NULL,
    at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    KEY idx_at (at)
  )`,
  `moa_outbox (
    action_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    event CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    ordinal SMALLINT UNSIGNED NOT NULL,
    lane SMALLINT UNSIGNED NOT NULL,
    bot VARCHAR(1000) NOT NULL,
    deadline DATETIME(3) NOT NULL,
    action MEDIUMTEXT NOT NULL,
    state VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'open',
    created_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    closed_at DATETIME(3) NULL DEFAULT NULL,
    KEY idx_state_created (state, created_at, event, ordinal),
    KEY idx_closed (closed_at)
  )`,
];

export const lanesAndOutbox: Migration = {
  async up(db) {
    for (const table of TABLES) {
      const options = "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin";
      await sql.raw(`CREATE TABLE IF NOT EXISTS ${table} ${options}`).execute(db);
    }
  },
};
