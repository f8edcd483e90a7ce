/** Why a frame could not be used: a closed list, shared by the platforms (which find the fault) and the metric. */
export const FRAME_FAULTS = [
  "too_large",
  "not_json",
  "not_utf8",
  "unknown_event",
  "no_data",
  "missing_channel",
  "missing_room",
  "missing_text",
  "handshake_invalid",
  "protocol_unsupported",
] as const;
export type FrameFault = (typeof FRAME_FAULTS)[number];
