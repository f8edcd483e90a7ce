/**
 * How long Kubernetes waits before it kills a pod that is told to stop: as long as the pod may take at most, each part
 * at its own deadline. A pod killed in its drain drops its phones all at once.
 *
 *   gateway   pause before SIGTERM + drain + the other parts
 *   workers   lanes + row writer + the other parts
 */
import { limits } from "#common/contract/limits.ts";
import { STOP_MS_MAX } from "#common/kernel/lifecycle.ts";

/**
 * Endpoints and load balancers hear of a pod's end while it gets its SIGTERM, not before: those that were told late still
 * send phones to a listener that is open.
 */
export const PRE_STOP_SECONDS = 5;

/** Of which each may take STOP_MS_MAX; the longer ones are named in `graceSeconds`. */
const OTHER_PARTS_MAX = 15;

/** @param drains parts that may take drainMsMax, one after another */
function seconds(drains: number): number {
  return Math.ceil((drains * limits.drainMsMax + OTHER_PARTS_MAX * STOP_MS_MAX) / 1_000);
}

export const graceSeconds = { gateway: PRE_STOP_SECONDS + seconds(1), workers: seconds(2) } as const;
