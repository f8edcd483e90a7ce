/** A name that stands for many pods, as that of a headless Service in Kubernetes, is every pod behind it. */
import { MoaError } from "#common/kernel/errors.ts";

/** Before http: or https:. */
export const BY_NAME = "dns+";

/** @throws MoaError pod_unreachable when such a name stands for nobody */
export async function podsBehind(
  urls: readonly URL[],
  addressesOf: (host: string) => Promise<readonly string[]>,
): Promise<readonly URL[]> {
  const each = urls.map(async (url) => {
    if (!url.protocol.startsWith(BY_NAME)) return [url];
    const addresses = await addressesOf(url.hostname).catch((cause: unknown) => {
      throw new MoaError("pod_unreachable", `${url.hostname}: ${(cause as Error).message}`, { cause });
    });
    return addresses.map((address) => new URL(url.href.slice(BY_NAME.length).replace(url.hostname, hostOf(address))));
  });
  return (await Promise.all(each)).flat();
}

function hostOf(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}
