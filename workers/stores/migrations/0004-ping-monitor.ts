/**
 * kb_ping_monitor as the original inserts into it. Its DDL is lost: the columns are those of its INSERT and `rtt_ms`, which
 * its pages read. A table of its other form goes on serving its own pages, with these columns beside.
 */
import type { Migration } from "kysely/migration";
import { bringUp, type OriginalTable } from "./original-table.ts";

const pings: OriginalTable = {
  name: "kb_ping_monitor",
  comment: "핑 모니터링 테이블",
  columns: [
    ["id", "bigint(20) NOT NULL AUTO_INCREMENT", "기본키"],
    ["bot_name", "varchar(30) DEFAULT NULL", "봇 이름"],
    ["device_id", "varchar(100) DEFAULT NULL", "디바이스 ID"],
    ["client_ip", "varchar(45) DEFAULT NULL", "클라이언트 IP"],
    ["ping_time_ms", "int(11) DEFAULT NULL", "왕복 시간(ms)"],
    ["rtt_ms", "int(11) DEFAULT NULL", "왕복 시간(ms)"],
    ["client_timestamp", "datetime DEFAULT NULL", "클라이언트 시각"],
    ["server_timestamp", "datetime DEFAULT NULL", "서버 시각"],
    ["total_memory", "int(11) DEFAULT NULL", "전체 메모리"],
    ["memory_usage", "int(11) DEFAULT NULL", "사용 메모리"],
    ["memory_percent", "float DEFAULT NULL", "메모리 사용률"],
    ["message_queue_size", "int(11) DEFAULT NULL", "메시지 큐 크기"],
    ["active_rooms", "int(11) DEFAULT NULL", "활성 방 수"],
    ["process_name", "varchar(100) DEFAULT NULL", "서버 프로세스 이름"],
    ["server_cpu_usage", "decimal(5,2) DEFAULT NULL", "서버 CPU 사용률"],
    ["server_cpu_max", "decimal(5,2) DEFAULT NULL", "서버 CPU 최대"],
    ["server_memory_usage", "decimal(10,2) DEFAULT NULL", "서버 메모리(MB)"],
    ["server_memory_max", "decimal(10,2) DEFAULT NULL", "서버 메모리 최대(MB)"],
    ["created_at", "datetime DEFAULT current_timestamp()", "등록 시각"],
  ],
  indexes: ["PRIMARY KEY (`id`)", "KEY `idx_bot_time` (`bot_name`,`device_id`,`server_timestamp`)"],
};

export const pingMonitor: Migration = { up: (db) => bringUp(db, pings) };
