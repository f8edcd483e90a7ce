/** An OTLP/HTTP endpoint in this process that keeps the spans it is sent, for a run of minutes. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";

const SPANS_MAX = 100_000;

export interface CollectedSpan {
  readonly service: string;
  readonly name: string;
  readonly traceId: string;
  readonly attributes: Readonly<Record<string, string>>;
}

interface Attribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

interface Export {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly RawSpan[] }[];
  }[];
}

interface RawSpan {
  readonly name: string;
  readonly traceId: string;
  readonly attributes?: readonly Attribute[];
}

export class OtlpCollector {
  /** Oldest first. */
  readonly spans: CollectedSpan[] = [];
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      void this.#take(request).then((status) =>
        response.writeHead(status, { "content-type": "application/json" }).end("{}"),
      );
    });
  }

  static async listen(): Promise<OtlpCollector> {
    const collector = new OtlpCollector();
    collector.#server.listen(0, "127.0.0.1");
    await once(collector.#server, "listening");
    return collector;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1/traces`;
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }

  async #take(request: IncomingMessage): Promise<number> {
    const parts: Buffer[] = await request.toArray();
    if (this.spans.length >= SPANS_MAX) return 503;
    const { resourceSpans } = JSON.parse(Buffer.concat(parts).toString()) as Export;
    for (const { resource, scopeSpans } of resourceSpans) {
      const service = valuesOf(resource.attributes)["service.name"] ?? "";
      for (const { name, traceId, attributes = [] } of scopeSpans.flatMap(({ spans }) => spans)) {
        this.spans.push({ service, name, traceId, attributes: valuesOf(attributes) });
      }
    }
    return 200;
  }
}

/** OTLP wraps each value in an object that names its type. */
function valuesOf(attributes: readonly Attribute[]): Record<string, string> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, String(Object.values(value)[0])]));
}
