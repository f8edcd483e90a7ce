/**
 * The pods that a command speaks to, through their ops ports. Which pod serves what is theirs to say: a worker knows
 * approvals, lanes and parked events, a gateway its connections.
 */
import { type ErrorCode, errorCatalogue, MoaError } from "#common/kernel/errors.ts";
import { podsBehind } from "./pod-addresses.ts";

/** A little longer than a pod takes at most. */
const ANSWER_MS_MAX = 20_000;
/** A pod says at once that its loop turns, whatever it waits for itself: one that does not stands still. */
const ALIVE_MS_MAX = 3_000;

export interface PodsOptions {
  /** Of ops ports, 1 or more; what each stands for is in pod-addresses.ts. */
  readonly urls: readonly URL[];
  addressesOf(host: string): Promise<readonly string[]>;
  readonly token: string;
  /** Stands in the audit. */
  readonly who: string;
  /** How long an answer may take; a little longer than a pod takes at most unless it is said. */
  readonly msMax?: number;
}

export interface Request {
  readonly method: "GET" | "POST" | "PUT";
  /** Below /admin/. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: object;
  /** A change that made twice is made once: a next pod is asked also when one before may have got it. */
  readonly isRepeatable?: true;
}

export interface Answer<T> {
  readonly url: string;
  readonly answer: T;
}

export interface Answers<T> {
  readonly answers: readonly Answer<T>[];
  /** Pods that did not answer: what is shown is not all there is. */
  readonly unreachable: readonly string[];
}

export class Pods {
  readonly #options: PodsOptions;

  constructor(options: PodsOptions) {
    this.#options = options;
  }

  /** Of each pod. @throws MoaError pod_unreachable */
  async urls(): Promise<readonly string[]> {
    return (await this.#each()).map((url) => url.origin);
  }

  /** The same pods for who would rather have no answer than wait. */
  within(msMax: number): Pods {
    return new Pods({ ...this.#options, msMax });
  }

  at(url: string): Pods {
    return new Pods({ ...this.#options, urls: [new URL(url)] });
  }

  /**
   * The answer of the first pod that serves it. A change goes to a next pod only when the one before cannot have got it,
   * or when it is repeatable.
   * @throws MoaError as the pod says, not_served, not_authorised, pod_unreachable
   */
  async one<T>(request: Request): Promise<T> {
    let last: unknown;
    for (const url of await this.#each()) {
      try {
        return (await this.#ask(url, request)) as T;
      } catch (error) {
        if (!mayAskNext(error, request)) throw error;
        // That a pod is away says more than that another is of the wrong kind.
        if (last === undefined || !isCode(error, "not_served")) last = error;
      }
    }
    throw last;
  }

  /** The answers of all pods that serve it. @throws MoaError when none does, or one refuses */
  async all<T>(request: Request): Promise<Answers<T>> {
    const answers: Answer<T>[] = [];
    const unreachable: string[] = [];
    const failures: unknown[] = [];
    const ask = async (url: URL) => {
      try {
        answers.push({ url: url.origin, answer: (await this.#ask(url, request)) as T });
      } catch (error) {
        failures.push(error);
        if (isCode(error, "pod_unreachable")) unreachable.push(url.origin);
        else if (!isCode(error, "not_served")) throw error;
      }
    };
    await Promise.all((await this.#each()).map(ask));
    if (answers.length === 0) throw failures.find((error) => !isCode(error, "not_served")) ?? failures[0];
    return { answers, unreachable };
  }

  /** True when the pod's probe says yes, false when no. @throws MoaError pod_unreachable */
  async probe(url: string, path: "/livez" | "/readyz"): Promise<boolean> {
    return (await this.#reach(new URL(path, url), {})).ok;
  }

  /** The page of a pod that Prometheus scrapes. @throws MoaError pod_unreachable */
  async metrics(url: string): Promise<string> {
    return (await this.#reach(new URL("/metrics", url), {})).text;
  }

  /** Waits for a pod only as long as it lives. */
  async #reach(target: URL, init: RequestInit) {
    const [ended, standsStill] = [new AbortController(), new AbortController()];
    const alive = AbortSignal.any([ended.signal, AbortSignal.timeout(ALIVE_MS_MAX)]);
    // Of any other failure the request itself says how far it came: whether a change may be asked of a next pod.
    void reach(new URL("/livez", target), { signal: alive }).catch(({ cause }) => {
      if (cause?.name === "TimeoutError") standsStill.abort(cause);
    });
    const late = AbortSignal.timeout(this.#options.msMax ?? ANSWER_MS_MAX);
    try {
      return await reach(target, { ...init, signal: AbortSignal.any([late, standsStill.signal]) });
    } finally {
      ended.abort();
    }
  }

  #each(): Promise<readonly URL[]> {
    return podsBehind(this.#options.urls, (host) => this.#options.addressesOf(host));
  }

  async #ask(url: URL, { method, path, query = {}, body }: Request): Promise<unknown> {
    const target = new URL(`/admin/${path}`, url);
    for (const [name, value] of Object.entries(query)) if (value !== undefined) target.searchParams.set(name, value);
    const { token, who } = this.#options;
    const headers = { authorization: `Bearer ${token}`, "x-moa-who": encodeURIComponent(who) };
    const response = await this.#reach(target, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer = jsonOf(response.text);
    if (response.ok && answer !== undefined) return answer;
    throw refusalOf(answer) ?? strange(url, response.status);
  }
}

async function reach(target: URL, init: RequestInit) {
  try {
    // The token goes to the pod that was named and to nobody else.
    const response = await fetch(target, { ...init, redirect: "error" });
    return { ok: response.ok, status: response.status, text: await response.text() };
  } catch (error) {
    const { cause, message } = error as Error & { cause?: { code?: string } };
    throw new MoaError("pod_unreachable", `${target.origin}: ${cause?.code ?? message}`, { cause: error });
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function refusalOf(answer: unknown): MoaError | undefined {
  const { code, says } = (answer as { error?: { code?: string; says?: string } } | undefined)?.error ?? {};
  if (code === undefined) return undefined;
  return Object.hasOwn(errorCatalogue, code)
    ? new MoaError(code as ErrorCode, says ?? "")
    : new MoaError("pod_unreachable", `${code}: ${says}`);
}

function strange({ origin }: URL, status: number): MoaError {
  if (status === 404) return new MoaError("pod_unreachable", `${origin} has no /admin/: its MOA_OPS_TOKEN is not set`);
  return new MoaError("pod_unreachable", `${origin} answered ${status}, which is no answer of a pod`);
}

function isCode(error: unknown, code: ErrorCode): boolean {
  return error instanceof MoaError && error.code === code;
}

const UNSENT: ReadonlySet<string | undefined> = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH"]);

function mayAskNext(error: unknown, { method, isRepeatable }: Request): boolean {
  if (isCode(error, "not_served")) return true;
  if (!isCode(error, "pod_unreachable")) return false;
  const sent = (error as { cause?: { cause?: { code?: string } } }).cause?.cause?.code;
  return method === "GET" || isRepeatable === true || UNSENT.has(sent);
}
