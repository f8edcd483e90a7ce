/** Rules of automatic replies, of one bot in one room; of several that fit a line the lowest place answers, then the oldest. */
import { sql } from "kysely";
import type { Migration } from "kysely/migration";

const TABLE = `moa_auto_replies (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  bot VARCHAR(30) NOT NULL,
  channel VARCHAR(100) NOT NULL,
  place INT NOT NULL,
  pattern VARCHAR(200) NOT NULL,
  reply VARCHAR(1000) NOT NULL,
  command VARCHAR(255) NULL DEFAULT NULL,
  created_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
  KEY idx_room (bot, channel, place, id),
  KEY idx_channel (channel)
)`;

export const autoReplies: Migration = {
  async up(db) {
    const options = "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin";
    await sql.raw(`CREATE TABLE IF NOT EXISTS ${TABLE} ${options}`).execute(db);
  },
};
