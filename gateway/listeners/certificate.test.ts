import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect as connectTcp } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Duplex } from "node:stream";
import { connect, type TLSSocket } from "node:tls";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { limits } from "#common/contract/limits.ts";
import { createLogger } from "#common/observe/logger.ts";
import { createMetrics } from "#common/observe/metrics.ts";
import type { Wire } from "#gateway/connection/wire.ts";
import { type Pair, selfSigned } from "#test/fixtures/certificate.ts";
import { FakeClock } from "#test/fixtures/fake-clock.ts";
import { Capacity } from "./capacity.ts";
import { Certificate } from "./certificate.ts";
import { TcpListener } from "./tcp.ts";

const log = createLogger("test", "silent");
const { metrics } = createMetrics(false);
let dir: string;
let clock: FakeClock;
let certificate: Certificate;
let listener: TcpListener;
let wires: { readonly wire: Wire; text: string; ended: string | null }[];

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "moa-tls-"));
  clock = new FakeClock();
  wires = [];
  const files = { tlsCertFile: join(dir, "cert.pem"), tlsKeyFile: join(dir, "key.pem") };
  certificate = new Certificate({ ...files, clock, log });
  const capacity = new Capacity({ connectionsMax: 100, metrics, log });
  const where = { host: "127.0.0.1", port: 0, proxyProtocolFrom: ["127.0.0.2/32"] };
  const accept = (wire: Wire) => {
    const one = { wire, text: "", ended: null as string | null };
    wires.push(one);
    return {
      onBytes: (chunk: Uint8Array) => {
        one.text += Buffer.from(chunk).toString();
      },
      onEnded: (reason: string) => {
        one.ended = reason;
      },
    };
  };
  listener = new TcpListener({ ...where, certificate, capacity, clock, metrics, log, accept });
  write(selfSigned("first"));
});

afterEach(async () => {
  for (const { wire } of wires) wire.destroy();
  await listener.stop();
  await certificate.stop();
  rmSync(dir, { recursive: true });
});

function write({ cert, key }: Pair): void {
  writeFileSync(join(dir, "cert.pem"), cert);
  writeFileSync(join(dir, "key.pem"), key);
}

async function start(): Promise<void> {
  await certificate.start();
  await listener.start();
}

async function dial(more: object = {}): Promise<TLSSocket> {
  const peer = connect({ port: listener.port, host: "127.0.0.1", rejectUnauthorized: false, ...more });
  peer.on("error", () => {});
  await once(peer, "secureConnect");
  return peer;
}

const nameOf = (peer: TLSSocket) => new X509Certificate(peer.getPeerCertificate().raw).subject;

test("a wire over TLS carries bytes both ways and closes after what is queued", async () => {
  await start();
  const peer = await dial();
  let got = "";
  peer.on("data", (chunk) => {
    got += chunk;
  });
  peer.write("hello");
  await vi.waitFor(() => expect(wires[0]?.text).toBe("hello"));
  wires[0]?.wire.write(Buffer.from("welcome"));
  wires[0]?.wire.close();
  await once(peer, "close");
  expect(got).toBe("welcome");
  await vi.waitFor(() => expect(wires[0]?.ended).not.toBeNull());
});

test("a wire over TLS is reset at once when it is destroyed, though its peer reads nothing", async () => {
  await start();
  const peer = await dial();
  peer.pause();
  wires[0]?.wire.write(Buffer.alloc(3 * limits.writeQueueBytesMax));
  await vi.waitFor(() => expect(wires[0]?.wire.bufferedBytes).toBeLessThan(3 * limits.writeQueueBytesMax));
  wires[0]?.wire.destroy();
  await vi.waitFor(() => expect(wires[0]?.ended).not.toBeNull());
  peer.destroy();
});

test("a PROXY header stands before the TLS handshake, also in one segment with it", async () => {
  await start();
  const raw = connectTcp({ port: listener.port, host: "127.0.0.1", localAddress: "127.0.0.2" });
  let header = Buffer.from("PROXY TCP4 192.0.2.1 127.0.0.1 4000 1493\r\n");
  const proxied = new Duplex({
    read: () => {},
    write: (chunk, _, done) => {
      raw.write(Buffer.concat([header, chunk]), done);
      header = Buffer.alloc(0);
    },
  });
  raw.on("data", (chunk) => proxied.push(chunk));
  const peer = connect({ socket: proxied, rejectUnauthorized: false });
  await once(peer, "secureConnect");
  peer.write("hello");
  await vi.waitFor(() => expect(wires[0]?.text).toBe("hello"));
  expect(wires[0]?.wire.peer).toBe("192.0.2.1:4000");
  raw.destroy();
});

test("what speaks no TLS, or a version before 1.2, gets nothing and is ended", async () => {
  await start();
  const plain = connectTcp({ port: listener.port, host: "127.0.0.1" }).on("error", () => {});
  plain.write('{"botName":"b","version":"1","deviceID":"d"}\n');
  await vi.waitFor(() => expect(wires[0]?.ended).not.toBeNull());
  const old = { minVersion: "TLSv1.1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" };
  await expect(dial(old)).rejects.toThrow();
  expect(wires.map(({ text }) => text).join("")).toBe("");
});

test("a certificate that changed serves new connections within a minute, and an unusable one is not taken", async () => {
  await start();
  const first = await dial();
  expect(nameOf(first)).toBe("CN=first");
  write({ ...selfSigned("broken"), key: selfSigned("another").key });
  await clock.advance(limits.certificateCheckEveryMs);
  expect(nameOf(await dial())).toBe("CN=first");
  write(selfSigned("second"));
  // Files are read in real time, whatever the clock says.
  await vi.waitFor(async () => {
    await clock.advance(limits.certificateCheckEveryMs);
    expect(nameOf(await dial())).toBe("CN=second");
  });
  first.write("still here");
  await vi.waitFor(() => expect(wires[0]?.text).toBe("still here"));
});

test("a certificate that is missing or does not fit its key stops the start in one sentence", async () => {
  write({ ...selfSigned("broken"), key: selfSigned("another").key });
  await expect(certificate.start()).rejects.toMatchObject({ code: "config_invalid" });
  rmSync(join(dir, "key.pem"));
  await expect(certificate.start()).rejects.toThrow(/MOA_TLS_CERT_FILE and MOA_TLS_KEY_FILE cannot be used/);
});
