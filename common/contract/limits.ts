/**
 * Every bound, with its unit in the name. The relations between them are asserted when the file loads: a bound changed
 * without its partner stops the start, not a Sunday night.
 */
import { assert } from "../kernel/assert.ts";

export const limits = {
  // a connection
  frameBytesMax: 512 * 1024,
  handshakeMsMax: 10_000,
  framesBeforeHandshakeMax: 64,
  textCharsMax: 65_000,
  fieldCharsMax: 1_000,
  unappendedPerConnectionMax: 256,
  writeBytesMax: 64 * 1024,
  writeQueueBytesMax: 4 * 1024 * 1024,
  bytesBeforeHandshakeMax: 1024 * 1024,
  // frames that are no chat: a phone sends a few a minute, and one for every 16 that we write
  otherFramesPerSecondMax: 200,
  otherFramesBurstMs: 5_000,
  otherFramesBurstBeforeHandshakeMs: 500,
  junkFrameWeight: 10,
  floodLingerMs: 10_000,
  // gateway: all sockets together
  strangersLoggedPerSecondMax: 10,
  writeQueuesBytesMax: 10 * 1024 * 1024,
  writeStalledMs: 5_000,
  lineMsMax: 20_000,
  lineBytesPerSecondMin: 4_096,
  lineCheckEveryMs: 5_000,
  heldBytesMax: 6 * 1024 * 1024,
  // what stands in front of the protocol
  proxyHeaderBytesMax: 4_096,
  proxyHeaderMsMax: 5_000,
  certificateCheckEveryMs: 60_000,
  listenAgainMs: 1_000,
  // signatures
  signatureWindowMs: 300_000,
  skewToleratedMs: 60_000,
  deviceAddressesMax: 50_000,
  // gateway
  ringOverheadPerEventBytes: 2_000,
  quotaKeysMax: 50_000,
  quotaBurstSeconds: 10,
  warnAgainMs: 60_000,
  twinsPerConnectionMax: 64,
  actionsInHandMax: 256,
  actionCharsInHandMax: 1024 * 1024,
  handoverMsMax: 1_000,
  drainPerSecondMax: 250,
  drainBotsAtOnceMax: 64,
  // writers: barriers and evidence
  unconfirmedActionsMax: 16,
  barrierAfterMs: 250,
  barrierMsMax: 4_300,
  barrierBusyMsMax: 30_000,
  pingIdleMsMin: 10_000,
  pingIdleMsMax: 14_000,
  pongMsMax: 5_000,
  falseVerdictMs: 30_000,
  loopStalledMs: 1_000,
  vitalsEveryMs: 30_000,
  tenureMsMin: 30_000,
  writersLookEveryMs: 500,
  heldPerBotMax: 1_000,
  heldLookEveryMs: 5_000,
  candidatesPerBotMax: 64,
  shownLatelyMs: 15_000,
  shownLatelyMax: 256,
  standbysAskedPerLook: 64,
  standbyRoundMsMin: 2_000,
  failoverMsMax: 60_000,
  // pings
  pingsGatherMs: 1_000,
  pingsPerInsertMax: 100,
  pingsWaitingMax: 5_000,
  // append
  appendEventsMax: 64,
  appendBytesMax: 60_000,
  appendGapMs: 3,
  laneBacklogEventsMax: 100_000,
  appendedAgainMsMax: 3_600_000,
  gatewayRingBytesMax: 24 * 1024 * 1024,
  // what Redis acknowledged, kept in case it loses it: half of the gateway's ring at most; and when it is too late to put
  // it back, because what was handled is not remembered for ever
  replayMs: 15_000,
  replayBytesMax: 12 * 1024 * 1024,
  replayDecisionsBytesMax: 24 * 1024 * 1024,
  replayAgeMsMax: 600_000,
  // a turn
  turnMsMax: 5_000,
  turnsPerLaneMax: 2_048,
  attemptsMax: 3,
  carefulAloneMsMax: 1_000,
  parkedPerLaneMax: 1_000,
  // seen ids: they outlive the phone's 30 s queue and the pods' 15 s rings with room to spare; an append that is tried
  // again later than that is told by its number
  seenBucketMs: 300_000,
  seenBuckets: 4,
  twinMsMax: 2_000,
  // automatic replies
  autoRepliesMax: 20_000,
  autoRepliesPerRoomMax: 50,
  autoRepliesPerPageMax: 1_000,
  autoRepliesAgainMs: 60_000,
  autoReplyCharsMax: 1_000,
  triggerCharsMax: 200,
  triggerTextCharsMax: 500,
  // scheduled sendings
  scheduleMissedMs: 300_000,
  schedulesPerPageMax: 100,
  scheduledMediaCharsMax: 2 * 1024 * 1024,
  // outbox
  decisionsPerCallMax: 128,
  actionMsMax: 120_000,
  dedupeBeyondDeadlineMs: 60_000,
  actionsPerDecisionMax: 32,
  outboxReadMax: 256,
  dirtyEveryMs: 1_000,
  dirtyMarksMs: 600_000,
  outboxActionsMax: 10_000,
  confirmGatherMs: 50,
  commitEventsMax: 512,
  commitGridMs: 50,
  commitBytesMax: 1024 * 1024,
  // life
  lifeMs: 3_000,
  lifeRenewEveryMs: 1_000,
  lifeMarginMs: 500,
  laneCheckEveryMs: 500,
  laneReadGapMs: 2,
  // Redis
  redisCallMsMax: 2_000,
  blockingReadMs: 1_000,
  blockingReadGraceMs: 2_000,
  probeEveryMs: 1_000,
  probeSilenceMsMax: 5_000,
  redisLookEveryMs: 2_000,
  sentinelMsMax: 1_000,
  clusterAskMsMax: 1_000,
  clockSkewMsMax: 5_000,
  // rows
  rowsPerInsertMax: 125,
  rowsPerTransactionMax: 1_000,
  rowBytesPerReadMax: 4 * 1024 * 1024,
  rowsGatherMax: 500,
  rowsGatherMs: 400,
  // approvals: asked again in the background after `fresh`; believed without an answer until `usable`
  approvalFreshMs: 60_000,
  approvalUsableMs: 900_000,
  approvalAgainMs: 1_000,
  approvalAskMsMax: 2_000,
  approvalsPerCallMax: 128,
  devicesPendingMax: 10_000,
  approvalDevicesMax: 50_000,
  approvalRoomsMax: 100_000,
  approvalChangesMax: 1_000,
  approvalChangesEveryMs: 500,
  // start: a filled table of the original is altered in minutes, not seconds
  migrationMsMax: 1_800_000,
  // traces: the SDK's own queue is as long, so that what it would drop is known before
  spansWaitingMax: 2_048,
  otlpMsMax: 2_000,
  // stop
  drainMsMax: 30_000,
} as const;

assert(limits.appendBytesMax < limits.frameBytesMax * 2, "a lone large frame is an entry of its own");
assert(limits.bytesBeforeHandshakeMax > limits.frameBytesMax, "one long line may come before the handshake");
assert(limits.heldBytesMax > limits.bytesBeforeHandshakeMax * 4, "one connection is a small part of what all may hold");
assert(limits.lineMsMax >= limits.handshakeMsMax, "a line has no less time than a handshake");
assert(limits.writeQueuesBytesMax > limits.writeQueueBytesMax * 2, "one connection cannot fill the pod's queues");
assert(limits.lifeRenewEveryMs * 2 + limits.lifeMarginMs < limits.lifeMs, "two renewals may fail before life ends");
assert(
  limits.seenBucketMs * (limits.seenBuckets - 1) >= 600_000,
  "a handled event is remembered for ten minutes at least",
);
assert(limits.barrierAfterMs + limits.barrierMsMax < 5_000, "a dead writer with traffic is found within 5 s");
assert(limits.pingIdleMsMax + limits.pongMsMax < 20_000, "an idle dead connection is found within 20 s");
assert(limits.redisCallMsMax < limits.lifeMs, "a Redis call fails before the pod's life does");
assert(limits.replayBytesMax * 2 <= limits.gatewayRingBytesMax, "what waits for a lane has half of the ring at least");
assert(
  limits.replayAgeMsMax < limits.seenBucketMs * (limits.seenBuckets - 1),
  "what is put back is known where it was handled",
);
assert(limits.turnMsMax < limits.drainMsMax, "a turn that began may end before the drain does");
assert(limits.probeSilenceMsMax > limits.probeEveryMs * 2, "one late probe is no dead subscriber");
assert(limits.approvalFreshMs * 2 < limits.approvalUsableMs, "an approval is asked for again long before it ends");
assert(limits.approvalAskMsMax < limits.turnMsMax, "a line of an unknown room waits less than a turn may take");
