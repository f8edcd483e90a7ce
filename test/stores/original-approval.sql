CREATE TABLE `kb_bot_devices` (
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `bot_name` varchar(30) NOT NULL,
  `device_id` varchar(100) NOT NULL,
  `ip_address` varchar(45) DEFAULT NULL,
  `client_type` varchar(50) DEFAULT NULL,
  `client_version` varchar(20) DEFAULT NULL,
  `status` enum('pending','approved','denied','revoked','blocked') NOT NULL DEFAULT 'pending',
  `approved_at` datetime DEFAULT NULL,
  `rejection_reason` text DEFAULT NULL,
  `created_at` datetime DEFAULT current_timestamp(),
  `updated_at` datetime DEFAULT current_timestamp() ON UPDATE current_timestamp(),
  PRIMARY KEY (`id`),
  UNIQUE KEY `device_id` (`device_id`),
  KEY `idx_bot_name` (`bot_name`),
  KEY `idx_status` (`status`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
CREATE TABLE `kb_rooms` (
  `room_id` varchar(50) NOT NULL,
  `bot_name` varchar(30) NOT NULL,
  `room_name` varchar(255) NOT NULL,
  `room_concurrency` int(11) NOT NULL DEFAULT 1,
  `room_owners` longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL CHECK (json_valid(`room_owners`)),
  `owner_type` enum('distributor','agency','branch') DEFAULT NULL,
  `owner_id` varchar(50) DEFAULT NULL,
  `status` enum('pending','approved','denied') NOT NULL DEFAULT 'pending',
  `approved_at` datetime DEFAULT NULL,
  `rejection_reason` text DEFAULT NULL,
  `description` text DEFAULT NULL,
  `created_at` timestamp NULL DEFAULT current_timestamp(),
  `updated_at` timestamp NULL DEFAULT current_timestamp() ON UPDATE current_timestamp(),
  PRIMARY KEY (`room_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
