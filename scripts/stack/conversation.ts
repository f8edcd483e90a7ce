import { once } from "node:events";
import { MoaError } from "#common/kernel/errors.ts";
import { Phone, type Shown } from "#scripts/phone/phone.ts";
import type { Exchange } from "./picture.ts";

const LINE = { room: "모아 시연", channel: "1001", sender: "손님", userHash: "demo", text: "# echo 안녕하세요" };
/** Generous: the first turn of a cold stack, on a machine with something else to do. */
const ANSWER_MS_MAX = 15_000;

/**
 * One line of a simulated phone and its answer: the proof that every part works.
 * @throws MoaError deadline_passed
 */
export async function converse(host: string, port: number): Promise<Exchange> {
  const phone = new Phone({ host, port, bot: "moa-demo", device: "demo-phone", dialect: "v333" });
  const signal = AbortSignal.timeout(ANSWER_MS_MAX);
  const connected = once(phone.events, "connected", { signal });
  phone.connect();
  try {
    await connected;
    const saidAt = performance.now();
    const answer = once(phone.events, "shown", { signal });
    phone.say(LINE);
    const [shown] = (await answer) as [Shown];
    return { room: LINE.room, said: LINE.text, shown: shown.text ?? "", ms: performance.now() - saidAt };
  } catch (cause) {
    const what = `the demonstration phone got no answer within ${ANSWER_MS_MAX} ms; the pods' logs say more, and if its device or room was blocked here, remove .data to begin anew`;
    throw new MoaError("deadline_passed", what, { cause });
  } finally {
    await phone.close();
  }
}
