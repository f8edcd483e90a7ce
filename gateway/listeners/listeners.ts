import type { Wire, WireEnd } from "#gateway/connection/wire.ts";
import { Capacity, type CapacityOptions } from "./capacity.ts";
import { Certificate, type CertificateOptions } from "./certificate.ts";
import { TcpListener, type TcpListenerOptions } from "./tcp.ts";

export interface ListenersOptions
  extends Omit<CapacityOptions, "metrics">,
    CertificateOptions,
    Omit<TcpListenerOptions, "port" | "capacity" | "certificate" | "accept"> {
  readonly bridgePort: number;
  readonly tlsPort: number;
}

/** In the order in which they start. */
export interface Listeners {
  readonly certificate?: Certificate;
  readonly tls?: TcpListener;
  readonly tcp: TcpListener;
}

/** Together they have as many connections as the pod may have. */
export function listenersOf(options: ListenersOptions, accept: (wire: Wire) => WireEnd): Listeners {
  const shared = { ...options, capacity: new Capacity(options), accept };
  const tcp = new TcpListener({ ...shared, port: options.bridgePort });
  if (options.tlsCertFile === "") return { tcp };
  const certificate = new Certificate(options);
  return { certificate, tls: new TcpListener({ ...shared, port: options.tlsPort, certificate }), tcp };
}
