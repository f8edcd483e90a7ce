/**
 * The door of an ops port for operators: /admin/*, JSON over HTTP, a bearer token. It checks and bounds; what a request
 * means is in admin-routes.ts. A pod without a token has no door: the paths do not exist.
 *
 *   token -> route -> body, bounded -> the route, bounded in time -> answer, bounded
 *
 * The token is one for all operators of a deployment: who a request comes from is what their tool says, kept beside the
 * address that we saw.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Clock } from "../kernel/clock.ts";
import { type ErrorCode, MoaError } from "../kernel/errors.ts";
import { within } from "../kernel/lifecycle.ts";
import type { Actor } from "../ports/administration.ts";
import type { Log } from "./logger.ts";
import { SPAN_KEYS } from "./span-catalogue.ts";
import type { Tracing } from "./tracing.ts";

const BODY_BYTES_MAX = 16 * 1024;
const ANSWER_CHARS_MAX = 4 * 1024 * 1024;
const ANSWER_MS_MAX = 15_000;
const WHO_CHARS_MAX = 100;
const PREFIX = "/admin/";

export interface AdminCall {
  readonly query: URLSearchParams;
  /** Empty for GET. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly by: Actor;
}

export type AdminRoute = (call: AdminCall) => Promise<object>;
/** By method and path below /admin/, as `GET devices`. */
export type AdminRoutes = Readonly<Record<string, AdminRoute>>;

export interface AdminAnswer {
  readonly status: number;
  /** JSON: what the route gave, or `{"error": {"code": ErrorCode, "says": string}}`. */
  readonly body: string;
}

export interface AdminDoorOptions {
  readonly token: string;
  readonly routes: AdminRoutes;
  readonly clock: Clock;
  readonly log: Log;
  readonly tracing: Pick<Tracing, "root">;
}

const STATUS: Readonly<Partial<Record<ErrorCode, number>>> = {
  asked_wrongly: 400,
  not_authorised: 401,
  not_found: 404,
  not_served: 404,
};

export class AdminDoor {
  readonly #options: AdminDoorOptions;
  readonly #token: Buffer;

  constructor(options: AdminDoorOptions) {
    this.#options = options;
    this.#token = digestOf(`Bearer ${options.token}`);
  }

  isFor(request: IncomingMessage): boolean {
    return request.url?.startsWith(PREFIX) ?? false;
  }

  /** Never rejects. */
  async answer(request: IncomingMessage): Promise<AdminAnswer> {
    const { clock, log } = this.#options;
    try {
      const body = JSON.stringify(await within(clock, ANSWER_MS_MAX, "the answer", this.#serve(request)));
      if (body.length > ANSWER_CHARS_MAX) throw new MoaError("asked_wrongly", "the answer is too long: ask for fewer");
      return { status: 200, body };
    } catch (error) {
      const known =
        error instanceof MoaError ? error : new MoaError("deadline_passed", "failed; the pod's log says why");
      const status = STATUS[known.code] ?? 503;
      if (status === 503 || status === 401) {
        log.warn({ tag: "ADMIN", from: addressOf(request), err: error }, "an operator's request was not served");
      }
      const says = known.message.slice(known.code.length + 2);
      return { status, body: JSON.stringify({ error: { code: known.code, says } }) };
    }
  }

  async #serve(request: IncomingMessage): Promise<object> {
    // Digests, because they are of one length; and compared whole, so that the time says nothing of where they differ.
    if (!timingSafeEqual(digestOf(request.headers.authorization ?? ""), this.#token)) {
      throw new MoaError("not_authorised", "wrong or no token: it is the pod's MOA_OPS_TOKEN");
    }
    const { pathname, searchParams } = new URL(request.url ?? "", "http://pod");
    const name = `${request.method} ${pathname.slice(PREFIX.length)}`;
    const { routes } = this.#options;
    const route = Object.hasOwn(routes, name) ? routes[name] : undefined;
    if (route === undefined) throw new MoaError("not_served", name);
    const by = { who: whoOf(request), from: addressOf(request) };
    if (request.method === "GET") return route({ query: searchParams, body: {}, by });
    const body = await bodyOf(request);
    return this.#traced(name, () => route({ query: searchParams, body, by }));
  }

  /** Every act of an operator has its span, whatever the share of lines that is sampled. */
  async #traced(name: string, act: () => Promise<object>): Promise<object> {
    const { tracing, clock } = this.#options;
    const span = tracing.root("operator", { at: clock.nowMs(), attributes: { [SPAN_KEYS.route]: name } });
    try {
      const answer = await act();
      span?.end(clock.nowMs());
      return answer;
    } catch (error) {
      span?.end(clock.nowMs(), { [SPAN_KEYS.error]: error instanceof MoaError ? error.code : "failed" });
      throw error;
    }
  }
}

function digestOf(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

function addressOf(request: IncomingMessage): string {
  return request.socket.remoteAddress ?? "unknown";
}

/** URI-encoded, because a header is Latin-1 and a name need not be. */
function whoOf({ headers }: IncomingMessage): string {
  try {
    return decodeURIComponent(String(headers["x-moa-who"] ?? "unknown")).slice(0, WHO_CHARS_MAX);
  } catch {
    return "unknown";
  }
}

/** @throws MoaError asked_wrongly */
async function bodyOf(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) throw new MoaError("asked_wrongly", `a request has at most ${BODY_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  let body: unknown;
  try {
    body = JSON.parse(Buffer.concat(chunks).toString());
  } catch (cause) {
    throw new MoaError("asked_wrongly", "the body is not JSON", { cause });
  }
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new MoaError("asked_wrongly", "the body is not an object");
  }
  return body as Readonly<Record<string, unknown>>;
}
