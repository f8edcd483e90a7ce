import type { ReceiptEvent } from "#common/contract/envelope.ts";
import { retryWhile } from "./retry-while.ts";
import type { Tools } from "./work.ts";

/** Closes the MySQL outbox row of the action. MySQL away: tried again as long as the answer could have been shown. */
export async function handleReceipt(event: ReceiptEvent, tools: Tools): Promise<void> {
  const deadline = event.receivedAt + tools.actionTtlMs;
  await retryWhile(
    tools,
    () => tools.clock.nowMs() < deadline,
    () => tools.outboxRows.close(event.action, event.state),
  );
}
