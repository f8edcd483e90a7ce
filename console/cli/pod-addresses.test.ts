import { expect, test } from "vitest";
import { podsBehind } from "./pod-addresses.ts";

const urls = (...texts: readonly string[]) => texts.map((text) => new URL(text));

test("a name that stands for many pods is each of them, and a URL is itself", async () => {
  const addressesOf = async (host: string) => (host === "moa-pods" ? ["10.1.0.7", "fd00::7"] : []);
  const found = await podsBehind(urls("http://gateway:9464", "dns+http://moa-pods:9464"), addressesOf);
  expect(found.map(({ origin }) => origin)).toEqual([
    "http://gateway:9464",
    "http://10.1.0.7:9464",
    "http://[fd00::7]:9464",
  ]);
});

test("a name that stands for nobody is told", async () => {
  const nobody = async () => Promise.reject(new Error("getaddrinfo ENOTFOUND moa-pods"));
  await expect(podsBehind(urls("dns+https://moa-pods:9464"), nobody)).rejects.toThrow("pod_unreachable: moa-pods");
});
