/** Bytes back as they came: no JSON, no broker. What a round trip through Node's sockets costs on this machine now. */
import { createServer } from "node:net";

const server = createServer({ noDelay: true }, (socket) => {
  socket.on("error", () => {});
  socket.on("data", (chunk) => socket.write(chunk));
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  process.send?.({ ready: true, ports: { bridge: typeof address === "object" ? address?.port : 0 } });
});
process.once("SIGTERM", () => process.exit(0));
