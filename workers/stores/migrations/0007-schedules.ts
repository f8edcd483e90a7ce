/**
 * kb_schedule and kb_schedule_logs as the original's admin pages write and read them. The log gains two words: `pending`,
 * a sending of which the phone has not said yet whether it was shown (the original wrote `success` at once, also of what
 * nobody ever saw), and `missed`, one that was due while nothing ran.
 *
 * Times are Korean wall clock.
 */
import type { Migration } from "kysely/migration";
import { bringUp, type Column, type OriginalTable } from "./original-table.ts";

const KEPT: readonly Column[] = [
  ["created_at", "datetime DEFAULT current_timestamp()", "등록 시각"],
  ["updated_at", "datetime DEFAULT current_timestamp() ON UPDATE current_timestamp()", "수정 시각"],
];

const schedule: OriginalTable = {
  name: "kb_schedule",
  comment: "스케줄링 발송 테이블",
  columns: [
    ["id", "int(11) NOT NULL AUTO_INCREMENT", "기본키"],
    ["title", "varchar(255) NOT NULL", "제목"],
    ["description", "text DEFAULT NULL", "설명"],
    ["created_by_type", "enum('distributor','agency','branch') DEFAULT NULL", "등록자 종류"],
    ["created_by_id", "varchar(50) DEFAULT NULL", "등록자 ID"],
    ["created_by_mb_id", "varchar(50) DEFAULT NULL", "등록 회원 ID"],
    ["target_bot_name", "varchar(30) NOT NULL", "봇 이름"],
    ["target_device_id", "varchar(100) DEFAULT NULL", "디바이스 ID"],
    ["target_room_id", "varchar(100) NOT NULL", "카카오톡 채널 ID"],
    ["message_text", "text DEFAULT NULL", "텍스트"],
    ["message_images_1", "longtext DEFAULT NULL", "이미지 묶음 1 (JSON)"],
    ["message_images_2", "longtext DEFAULT NULL", "이미지 묶음 2 (JSON)"],
    ["message_thumbnails_1", "longtext DEFAULT NULL", "썸네일 1 (JSON)"],
    ["message_thumbnails_2", "longtext DEFAULT NULL", "썸네일 2 (JSON)"],
    ["image_storage_mode", "enum('file','base64') DEFAULT 'file'", "이미지 저장 방식"],
    ["send_interval_seconds", "int(11) DEFAULT 1", "발송 간격(초)"],
    ["delay_minutes", "int(11) DEFAULT NULL", "지연(분)"],
    ["media_wait_time_1", "int(11) DEFAULT NULL", "이미지 묶음 1 대기(ms)"],
    ["media_wait_time_2", "int(11) DEFAULT NULL", "이미지 묶음 2 대기(ms)"],
    ["schedule_type", "enum('once','weekly','daily') NOT NULL", "발송 종류"],
    ["schedule_date", "date DEFAULT NULL", "발송 날짜"],
    ["schedule_time", "time DEFAULT NULL", "발송 시각"],
    ["schedule_times", "json DEFAULT NULL", "하루 여러 발송 시각"],
    [
      "schedule_weekdays",
      "set('monday','tuesday','wednesday','thursday','friday','saturday','sunday') DEFAULT NULL",
      "발송 요일",
    ],
    ["valid_from", "datetime DEFAULT NULL", "유효 시작"],
    ["valid_until", "datetime DEFAULT NULL", "유효 끝"],
    ["status", "enum('active','inactive','completed','error') NOT NULL DEFAULT 'active'", "상태"],
    ["last_sent_at", "datetime DEFAULT NULL", "마지막 발송 시각"],
    ["next_send_at", "datetime DEFAULT NULL", "다음 발송 시각"],
    ["send_count", "int(11) NOT NULL DEFAULT 0", "발송 횟수"],
    ["message_type", "enum('schedule','order_complete','stock_warning','stock_out') DEFAULT 'schedule'", "메시지 종류"],
    ["reference_type", "varchar(50) DEFAULT NULL", "참조 종류"],
    ["reference_id", "varchar(100) DEFAULT NULL", "참조 ID"],
    ["template_variables", "json DEFAULT NULL", "템플릿 변수"],
    ["processed_message", "text DEFAULT NULL", "처리된 메시지"],
    ...KEPT,
  ],
  indexes: [
    "PRIMARY KEY (`id`)",
    "KEY `idx_due` (`status`,`next_send_at`,`valid_from`,`valid_until`)",
    "KEY `idx_created_by` (`created_by_type`,`created_by_id`)",
    "KEY `idx_target_room` (`target_room_id`)",
    "KEY `idx_type_status` (`message_type`,`status`)",
    "KEY `idx_reference` (`reference_type`,`reference_id`)",
  ],
};

const logs: OriginalTable = {
  name: "kb_schedule_logs",
  comment: "스케줄링 발송 로그 테이블",
  columns: [
    ["id", "int(11) NOT NULL AUTO_INCREMENT", "기본키"],
    ["schedule_id", "int(11) NOT NULL", "스케줄 ID"],
    ["target_room_id", "varchar(100) NOT NULL", "카카오톡 채널 ID"],
    ["target_device_id", "varchar(100) DEFAULT NULL", "디바이스 ID"],
    ["sent_message_text", "text DEFAULT NULL", "발송 텍스트"],
    ["sent_images_1", "json DEFAULT NULL", "발송 이미지 1"],
    ["sent_images_2", "json DEFAULT NULL", "발송 이미지 2"],
    ["send_components", "varchar(50) DEFAULT NULL", "발송 구성 (text,images_1,images_2)"],
    ["status", "enum('success','failed','partial','pending','missed') NOT NULL", "결과"],
    ["error_message", "text DEFAULT NULL", "오류"],
    ["api_response", "json DEFAULT NULL", "응답"],
    ["scheduled_at", "datetime DEFAULT NULL", "예정 시각"],
    ["started_at", "datetime DEFAULT NULL", "시작 시각"],
    ["completed_at", "datetime DEFAULT NULL", "완료 시각"],
    ["duration_ms", "int(11) DEFAULT NULL", "걸린 시간(ms)"],
    ["created_at", "datetime DEFAULT current_timestamp()", "등록 시각"],
  ],
  indexes: ["PRIMARY KEY (`id`)", "KEY `idx_schedule` (`schedule_id`)", "KEY `idx_status` (`status`)"],
  // Admin pages remove a schedule and rely on it.
  references: "FOREIGN KEY (`schedule_id`) REFERENCES `kb_schedule` (`id`) ON DELETE CASCADE",
};

export const schedules: Migration = {
  async up(db) {
    await bringUp(db, schedule);
    await bringUp(db, logs);
  },
};
