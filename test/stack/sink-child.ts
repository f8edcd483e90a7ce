/**
 * What the abusers of abuse.ts dial in the control window: takes every connection, reads nothing, and ends each after the
 * time that a gateway gives to whoever does not say who he is. The parent hears the port, and at each `tally` how many are
 * there; the process ends with it. It runs when the pods do not, as the abusers do: it is part of what they cost.
 */
import { createServer } from "node:net";
import { constants, setPriority } from "node:os";

const LINGER_MS = 10_000;

let open = 0;
const server = createServer({ pauseOnConnect: true }, (socket) => {
  open++;
  const timer = setTimeout(() => socket.resetAndDestroy(), LINGER_MS);
  socket.on("error", () => {});
  socket.on("close", () => {
    open--;
    clearTimeout(timer);
  });
});

setPriority(constants.priority.PRIORITY_LOW);
process.on("message", () => process.send?.(open));
process.once("disconnect", () => process.exit(0));
server.listen({ port: 0, host: "127.0.0.1", backlog: 4_096 }, () => {
  const address = server.address();
  process.send?.(typeof address === "object" ? address?.port : 0);
});
