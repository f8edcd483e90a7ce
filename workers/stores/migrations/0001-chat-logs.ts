/**
 * kb_chat_logs as the original has it: names, types, NULLs, defaults, comments and indexes of its README.
 *
 * One type differs: `message` is MEDIUMTEXT. TEXT ends at 65,535 bytes, a third of 65,000 Korean characters.
 * `id` stays int(11) because admin pages know it as one: 2.1 thousand million rows. Its end stops the row writer loudly
 * and loses nothing (rows wait in Redis); BIGINT is then one more expanding migration.
 */
import type { Migration } from "kysely/migration";
import { bringUp, type OriginalTable } from "./original-table.ts";

const table: OriginalTable = {
  name: "kb_chat_logs",
  comment: "카카오봇 대화 로그 테이블",
  columns: [
    ["id", "int(11) NOT NULL AUTO_INCREMENT", "기본키"],
    ["channel_id", "varchar(50) NOT NULL", "카카오톡 채널 ID (방 고유 ID)"],
    ["user_hash", "varchar(100) NOT NULL", "해당 방 내 유저 고유 ID"],
    ["room_name", "varchar(255) DEFAULT NULL", "카카오톡 방 이름 (변동 가능성 있음)"],
    ["sender", "varchar(100) DEFAULT NULL", "보낸 사람 이름 (변동 가능성 있음)"],
    ["message", "mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci NOT NULL", "메시지 내용"],
    ["directive", "varchar(30) DEFAULT NULL", "지시어(접두어)"],
    ["message_type", "varchar(20) NOT NULL", "normal, command, auto_replay 등"],
    ["is_meaningful", "tinyint(1) NOT NULL DEFAULT 0", "의미 있는 메시지 여부"],
    ["bot_name", "varchar(30) NOT NULL", "봇 이름"],
    ["is_mention", "tinyint(1) NOT NULL DEFAULT 0", "멘션 여부"],
    ["is_group_chat", "tinyint(1) NOT NULL DEFAULT 0", "그룹채팅 여부"],
    ["log_id", "varchar(50) DEFAULT NULL", "메시지 고유 ID"],
    ["client_timestamp", "datetime DEFAULT NULL", "클라이언트 전송 시간"],
    ["server_timestamp", "datetime DEFAULT current_timestamp()", "서버 수신 시각"],
    ["is_bot", "tinyint(1) DEFAULT 0", "sender가 bot인 경우"],
    ["is_our_bot_response", "tinyint(1) NOT NULL DEFAULT 0", "우리 봇이 생성한 응답 여부"],
    ["is_scheduled", "tinyint(1) NOT NULL DEFAULT 0", "스케줄링된 메시지 여부"],
  ],
  indexes: [
    "PRIMARY KEY (`id`)",
    "KEY `idx_channel_user_time` (`channel_id`,`user_hash`,`server_timestamp`)",
    "KEY `idx_meaningful` (`is_meaningful`)",
  ],
};

export const chatLogs: Migration = { up: (db) => bringUp(db, table) };
