import { limits } from "#common/contract/limits.ts";
import type { Clock } from "#common/kernel/clock.ts";
import type { ApprovalChange, ApprovalChanges } from "#common/ports/approvals.ts";
import { MemoryLog } from "./log.ts";

const EMPTY = "0-0";

export class MemoryApprovalChanges implements ApprovalChanges {
  readonly #log: MemoryLog<ApprovalChange>;

  constructor(clock: Clock) {
    this.#log = new MemoryLog(clock);
  }

  async announce(change: ApprovalChange): Promise<void> {
    this.#log.add(change);
    const [oldest] = this.#log.after(EMPTY, 1);
    if (this.#log.length > limits.approvalChangesMax && oldest !== undefined) this.#log.trim(oldest.id);
  }

  async since(version: string): ReturnType<ApprovalChanges["since"]> {
    const found = this.#log.after(EMPTY, limits.approvalChangesMax);
    const isFromEmpty = version === EMPTY && found.length < limits.approvalChangesMax;
    const last = found.findIndex(({ id }) => id === version);
    const changes = last === -1 && !isFromEmpty ? "all" : found.slice(last + 1).map(({ value }) => value);
    return { version: this.#log.newest ?? EMPTY, changes };
  }
}
