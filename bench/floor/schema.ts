/** kb_chat_logs as the original had it, with its indexes: the floor pays for the same rows. */
export const CHAT_LOG_TABLE = `CREATE TABLE kb_chat_logs (
  id int NOT NULL AUTO_INCREMENT PRIMARY KEY,
  channel_id varchar(50) NOT NULL, user_hash varchar(100) NOT NULL, room_name varchar(255), sender varchar(100),
  message mediumtext NOT NULL, directive varchar(30), message_type varchar(20) NOT NULL,
  is_meaningful tinyint(1) NOT NULL DEFAULT 0, bot_name varchar(30) NOT NULL, is_mention tinyint(1) NOT NULL DEFAULT 0,
  is_group_chat tinyint(1) NOT NULL DEFAULT 0, log_id varchar(50), client_timestamp datetime, server_timestamp datetime,
  is_bot tinyint(1) DEFAULT 0, is_our_bot_response tinyint(1) NOT NULL DEFAULT 0,
  is_scheduled tinyint(1) NOT NULL DEFAULT 0,
  KEY idx_channel_user_time (channel_id, user_hash, server_timestamp), KEY idx_meaningful (is_meaningful)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci`;
