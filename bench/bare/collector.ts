/** An OTLP/HTTP endpoint that takes spans, counts them and forgets them: what tracing costs moa is not what it does with them. */
import { createServer } from "node:http";

let spans = 0;

const server = createServer(async (request, response) => {
  const body = Buffer.concat(await request.toArray()).toString();
  spans += body.split('"spanId":').length - 1;
  response.setHeader("content-type", "application/json").end("{}");
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  process.send?.({ ready: true, ports: { bridge: typeof address === "object" ? address?.port : 0 } });
});
process.on("message", () => process.send?.({ spans }));
process.once("SIGTERM", () => process.exit(0));
