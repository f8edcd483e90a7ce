/**
 * Under which conditions the `moa` lines of which runbooks are typed by runbooks.test.ts. Only where the condition is the
 * one that the runbook is about; what is not here says "Tried: no" of itself.
 */
export const trials = {
  "a writer's phone reads and says nothing any more": [
    "moa-zombie-writer-stuck",
    "moa-failover-storm",
    "moa-writer-outage-budget-burn",
    "zombies",
  ],
  "a money action waits for an operator": ["moa-held-actions-old"],
  "a command threw": ["moa-events-parked", "moa-handling-budget-burn"],
  "two phones with one identity throw each other out": ["moa-writer-flaps", "moa-reconnect-storm"],
  "a bot's second phone leaves": ["moa-standbys-lost"],
  "a phone sends what nobody can read": ["moa-frame-errors"],
  "a connected phone is not let in": ["moa-devices-wait"],
  "Redis is set to lose data, and nearly full": [
    "moa-redis-unfit",
    "moa-redis-not-persistent",
    "moa-redis-memory-high",
  ],
  "signatures do not hold": ["moa-signature-failures"],
  "phones answer later than they may": ["moa-zombie-false-positives"],
  "who stands by leaves as soon as it writes": ["moa-handovers-fail"],
  "the tenure of a writer is deleted": ["moa-writer-split-brain"],
  "Redis has an older tenure again": ["moa-epoch-regression"],
  "a pod's clock is wrong": ["moa-clock-skew"],
  "a pod of another version dies again and again": ["moa-versions-mixed", "moa-pod-restarts"],
  "one gateway has more than it can bear": [
    "moa-connection-ceiling",
    "moa-listener-full",
    "moa-heap-nearly-full",
    "moa-event-loop-lag",
    "moa-replay-ring-short",
  ],
  "a subscription hears nothing, again and again": ["moa-subscribers-deaf"],
  "a drain runs into its deadline": ["moa-drain-deadline"],
  "MySQL is read-only": ["moa-mysql-read-only"],
  "MySQL is slow": ["moa-mysql-slow"],
  "a column of the chat log was altered": ["moa-chat-log-rows-lost"],
  "Redis refuses writes": ["moa-redis-refuses-writes", "moa-writerless-bots", "moa-writer-availability-budget-burn"],
  "Redis is slow": ["moa-redis-slow", "moa-life-nearly-lost"],
  "somebody emptied a lane": ["moa-events-unaccounted"],
  "MySQL is away": ["moa-mysql-away", "moa-chat-log-behind", "moa-outbox-stuck", "moa-jobs-fail"],
  "Redis does not answer": ["moa-redis-away", "moa-append-budget-burn", "moa-backpressure"],
  "Redis comes back empty": ["moa-acknowledged-events-lost", "moa-replay-running"],
  "a gateway stands still": ["moa-zombie-detector-stalled", "moa-pod-down", "moa-life-lost"],
  "a worker stands still": ["moa-lane-reads-stalled", "moa-delivery-budget-burn"],
  "no worker runs": [
    "moa-no-workers",
    "moa-lanes-unowned",
    "moa-lane-stuck",
    "moa-lane-backlog-high",
    "moa-outbox-not-swept",
  ],
  "no gateway runs": ["moa-no-gateways"],
} as const;

export type Condition = keyof typeof trials;
