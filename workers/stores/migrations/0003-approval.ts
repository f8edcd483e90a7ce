/**
 * Who may talk: kb_bot_devices and kb_rooms as the original has them, and moa_audit, who changed what.
 *
 * Keys differ from some of the original's databases. A device is known by bot and id: under UNIQUE(device_id) a second
 * bot on one phone could not be registered, which the original took for approval. A room is known as one device of one
 * bot sees it: databases of before know it by its id alone, and their rows keep an empty device, which is nobody's. So
 * such rooms wait for approval once more.
 *
 * Key columns of a fresh database compare byte by byte; in an old one the store does (approval-store.ts).
 */
import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";
import { alter, bringUp, type Column, indexesOf, type OriginalTable } from "./original-table.ts";

const EXACT = "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL";
const STATUS: Column = [
  "status",
  "enum('pending','approved','denied','revoked','blocked') NOT NULL DEFAULT 'pending'",
  "승인 상태",
];
const APPROVED: readonly Column[] = [
  ["approved_at", "datetime DEFAULT NULL", "승인 시각"],
  ["rejection_reason", "text DEFAULT NULL", "거부 사유"],
];
const KEPT: readonly Column[] = [
  ["created_at", "datetime DEFAULT current_timestamp()", "등록 시각"],
  ["updated_at", "datetime DEFAULT current_timestamp() ON UPDATE current_timestamp()", "수정 시각"],
];

const devices: OriginalTable = {
  name: "kb_bot_devices",
  comment: "봇 디바이스 테이블",
  columns: [
    ["id", "int(11) NOT NULL AUTO_INCREMENT", "기본키"],
    ["bot_name", `varchar(30) ${EXACT}`, "봇 이름"],
    ["device_id", `varchar(100) ${EXACT}`, "디바이스 ID"],
    ["ip_address", "varchar(45) DEFAULT NULL", "IP 주소"],
    ["client_type", "varchar(50) DEFAULT NULL", "클라이언트 종류"],
    ["client_version", "varchar(20) DEFAULT NULL", "클라이언트 버전"],
    STATUS,
    ...APPROVED,
    ["max_message_size", "int(11) DEFAULT NULL", "최대 메시지 크기"],
    ["image_resize_width", "int(11) DEFAULT 900", "이미지 폭"],
    ["image_resize_enabled", "tinyint(1) DEFAULT 1", "이미지 축소 여부"],
    ...KEPT,
  ],
  indexes: ["PRIMARY KEY (`id`)", "UNIQUE KEY `uk_bot_device` (`bot_name`,`device_id`)", "KEY `idx_status` (`status`)"],
};

const rooms: OriginalTable = {
  name: "kb_rooms",
  comment: "카카오톡 방 테이블",
  columns: [
    ["room_id", `varchar(100) ${EXACT}`, "카카오톡 채널 ID"],
    ["room_name", "varchar(255) DEFAULT NULL", "방 이름 (변동 가능성 있음)"],
    ["bot_name", `varchar(30) ${EXACT}`, "봇 이름"],
    ["device_id", `varchar(255) ${EXACT} DEFAULT ''`, "디바이스 ID"],
    ["room_concurrency", "int(11) DEFAULT 2", "동시 처리 수"],
    ["room_owners", "json DEFAULT NULL", "방장 목록"],
    ["owner_type", "enum('distributor','agency','branch') DEFAULT NULL", "소유자 종류"],
    ["owner_id", "varchar(50) DEFAULT NULL", "소유자 ID"],
    STATUS,
    ...APPROVED,
    ["description", "text DEFAULT NULL", "설명"],
    ["log_settings", "json DEFAULT NULL", "로그 설정"],
    ...KEPT,
  ],
  indexes: ["PRIMARY KEY (`room_id`,`bot_name`,`device_id`)", "KEY `idx_status` (`status`)"],
};

const AUDIT = `moa_audit (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
  who VARCHAR(100) NOT NULL,
  from_address VARCHAR(45) NOT NULL,
  action VARCHAR(50) NOT NULL,
  subject VARCHAR(500) NOT NULL,
  \`before\` TEXT NOT NULL,
  \`after\` TEXT NOT NULL,
  KEY idx_at (at)
)`;

export const approval: Migration = {
  async up(db) {
    await dropDeviceAlone(db);
    await bringUp(db, devices);
    await widenRoomKey(db);
    await bringUp(db, rooms);
    const options = "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci";
    await sql.raw(`CREATE TABLE IF NOT EXISTS ${AUDIT} ${options}`).execute(db);
  },
};

async function dropDeviceAlone(db: Kysely<unknown>): Promise<void> {
  const alone = (await indexesOf(db, devices.name)).filter(
    ({ isUnique, columns }) => isUnique && columns === "device_id",
  );
  await alter(
    db,
    devices.name,
    alone.map(({ name }) => `DROP INDEX \`${name}\``),
  );
}

/** The key's columns are given what a key may hold, in their own width and collation, and the key with them. */
async function widenRoomKey(db: Kysely<unknown>): Promise<void> {
  const primary = (await indexesOf(db, rooms.name)).find(({ name }) => name === "PRIMARY");
  if (primary === undefined || primary.columns === "room_id,bot_name,device_id") return;
  const { rows } = await sql<{ collation: string }>`
    SELECT collation_name AS collation FROM information_schema.columns
    WHERE table_schema = DATABASE() AND table_name = 'kb_rooms' AND column_name = 'device_id'`.execute(db);
  const [device] = rows;
  if (device !== undefined) await sql`UPDATE kb_rooms SET device_id = '' WHERE device_id IS NULL`.execute(db);
  const column = "`device_id` varchar(255) NOT NULL DEFAULT ''";
  await alter(db, rooms.name, [
    device === undefined ? `ADD COLUMN ${column}` : `MODIFY ${column} COLLATE ${device.collation}`,
    "DROP PRIMARY KEY",
    "ADD PRIMARY KEY (`room_id`,`bot_name`,`device_id`)",
  ]);
}
