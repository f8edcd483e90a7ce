CREATE TABLE `kb_chat_logs` (
  `id` int(11) NOT NULL COMMENT '기본키',
  `channel_id` varchar(50) NOT NULL COMMENT '카카오톡 채널 ID (방 고유 ID)',
  `user_hash` varchar(100) NOT NULL COMMENT '해당 방 내 유저 고유 ID',
  `room_name` varchar(255) DEFAULT NULL COMMENT '카카오톡 방 이름 (변동 가능성 있음)',
  `sender` varchar(100) DEFAULT NULL COMMENT '보낸 사람 이름 (변동 가능성 있음)',
  `message` text CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci NOT NULL COMMENT '메시지 내용',
  `directive` varchar(30) DEFAULT NULL COMMENT '지시어(접두어)',
  `message_type` varchar(20) NOT NULL COMMENT 'normal, command, auto_replay 등',
  `is_meaningful` tinyint(1) NOT NULL DEFAULT 0 COMMENT '의미 있는 메시지 여부',
  `bot_name` varchar(30) NOT NULL COMMENT '봇 이름',
  `is_mention` tinyint(1) NOT NULL DEFAULT 0 COMMENT '멘션 여부',
  `is_group_chat` tinyint(1) NOT NULL DEFAULT 0 COMMENT '그룹채팅 여부',
  `log_id` varchar(50) DEFAULT NULL COMMENT '메시지 고유 ID',
  `client_timestamp` datetime DEFAULT NULL COMMENT '클라이언트 전송 시간',
  `server_timestamp` datetime DEFAULT current_timestamp() COMMENT '서버 수신 시각',
  `is_bot` tinyint(1) DEFAULT 0 COMMENT 'sender가 bot인 경우',
  `is_our_bot_response` tinyint(1) NOT NULL DEFAULT 0 COMMENT '우리 봇이 생성한 응답 여부',
  `is_scheduled` tinyint(1) NOT NULL DEFAULT 0 COMMENT '스케줄링된 메시지 여부'
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci COMMENT='카카오봇 대화 로그 테이블';
ALTER TABLE `kb_chat_logs`
  ADD PRIMARY KEY (`id`),
  ADD KEY `idx_channel_user_time` (`channel_id`,`user_hash`,`server_timestamp`),
  ADD KEY `idx_meaningful` (`is_meaningful`);
ALTER TABLE `kb_chat_logs`
  MODIFY `id` int(11) NOT NULL AUTO_INCREMENT COMMENT '기본키';
