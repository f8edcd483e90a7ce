import { beforeEach, describe, expect, it } from "vitest";
import { limits } from "#common/contract/limits.ts";
import { rig } from "#test/fixtures/admission.ts";
import { isRefusal } from "./admission.ts";

let at: ReturnType<typeof rig>;
beforeEach(() => {
  at = rig();
});

describe("where signatures are required", () => {
  it("an approved device is probed at once, and admitted by the first signature that holds", async () => {
    const phone = at.call("a");
    expect([phone.told, phone.isAdmitted]).toEqual([["approved, probed"], false]);
    expect(at.bare(phone)).toBe("unsigned");
    expect(at.frame(phone, { signature: "0".repeat(64) })).toBe("bad_signature");
    expect(phone.isAdmitted).toBe(false);
    expect(at.frame(phone)).toBe("trusted");
    expect([phone.isAdmitted, at.events]).toEqual([true, ["+c1"]]);
    expect(at.bare(phone)).toBe("unsigned");
    expect(await at.counted('moa_signatures_total{result="valid"}')).toBe(1);
    expect(await at.counted('moa_signatures_total{result="unsigned"}')).toBe(2);
    expect(await at.counted('moa_signatures_total{result="wrong"}')).toBe(1);
  });

  it.each([
    ["another bot", { botName: "other" }],
    ["another device", { deviceID: "b" }],
    ["another device, signed", { deviceUUID: "b", deviceID: "b" }],
  ])("a valid signature for %s admits nobody", async (_, more) => {
    const phone = at.call("a");
    expect(at.frame(phone, more)).toBe("bad_signature");
    expect(phone.isAdmitted).toBe(false);
    expect(await at.counted('moa_signatures_total{result="foreign"}')).toBe(1);
  });

  it("a device that is not approved proves itself in vain, and is on record", () => {
    const phone = at.call("new");
    expect(phone.told).toEqual(["pending, probed"]);
    expect(at.frame(phone)).toBe("unapproved");
    expect([phone.isAdmitted, at.events]).toEqual([false, []]);
  });

  it("nothing of a bot without a key is let in, which is counted once a connection", async () => {
    const phone = at.call("a", { bot: "keyless" });
    expect(phone.told).toEqual(["approved"]);
    expect([at.frame(phone), at.bare(phone)]).toEqual(["no_key", "no_key"]);
    expect(phone.isAdmitted).toBe(false);
    expect(await at.counted('moa_signatures_total{result="no_key"}')).toBe(1);
  });

  it("a wrong clock beyond the window admits nobody, and is measured", async () => {
    const phone = at.call("a");
    expect(at.frame(phone, { timestamp: at.clock.nowMs() - limits.signatureWindowMs - 1 })).toBe("bad_signature");
    expect(phone.isAdmitted).toBe(false);
    expect(await at.counted("moa_client_clock_skew_seconds_count")).toBe(1);
    expect(await at.counted('moa_client_clock_skew_seconds_bucket{le="300"}')).toBe(0);
  });
});

describe("where signatures are only warned of", () => {
  beforeEach(() => {
    at = rig({ hmac: "warn" });
  });

  it("an approved device is admitted as it comes; lines whose signature does not hold are untrusted", () => {
    const phone = at.call("a");
    expect([phone.told, phone.isAdmitted]).toEqual([["approved"], true]);
    expect([at.bare(phone), at.frame(phone), at.frame(phone, { botName: "other" })]).toEqual([
      "untrusted",
      "trusted",
      "untrusted",
    ]);
    expect(phone.isAdmitted).toBe(true);
  });

  it("a bot without a key has its lines processed under their ordinary ids", () => {
    const phone = at.call("a", { bot: "keyless" });
    expect([at.bare(phone), at.frame(phone)]).toEqual(["trusted", "trusted"]);
    expect(isRefusal(at.bare(at.call("new", { bot: "keyless" })))).toBe(false);
  });

  it("one bot may be required to sign all the same, and the other way round", () => {
    at = rig({ hmac: "warn", require: true });
    expect(at.bare(at.call("a"))).toBe("unsigned");
    at = rig({ hmac: "require", require: false });
    expect(at.call("a").isAdmitted).toBe(true);
  });
});

describe("approval", () => {
  it("that changes takes effect on connections that stay, and back again without a new proof", () => {
    const phone = at.call("new");
    at.frame(phone);
    at.known.change("new", "approved");
    at.known.change("new", "revoked");
    expect([phone.isAdmitted, at.frame(phone)]).toEqual([false, "unapproved"]);
    at.known.change("new", "approved");
    expect([phone.isAdmitted, at.events]).toEqual([true, ["+c1", "-c1", "+c1"]]);
  });

  it("of one device says nothing of another, nor does that of another bot", () => {
    const [phone, other, third] = [at.call("new"), at.call("newer"), at.call("new", { bot: "other" })];
    for (const one of [phone, other]) at.frame(one);
    at.known.change("new", "approved");
    expect([phone, other, third].map(({ isAdmitted }) => isAdmitted)).toEqual([true, false, false]);
  });

  it("that has to be asked for is awaited; the connection hears of it once", async () => {
    at.known.slow = true;
    const phone = at.call("a");
    expect(phone.told).toEqual([]);
    await at.clock.settle();
    expect(phone.told).toEqual(["approved, probed"]);
  });

  it("that nobody knows admits nobody, and is asked for until somebody does", async () => {
    at = rig({ hmac: "warn" });
    at.known.away = true;
    const phone = at.call("a");
    expect([phone.told, phone.isAdmitted, at.bare(phone)]).toEqual([["pending"], false, "unapproved"]);
    await at.clock.advance(10_000);
    expect(phone.isAdmitted).toBe(false);
    at.known.away = false;
    await at.clock.advance(2 * limits.approvalAgainMs);
    expect([phone.isAdmitted, phone.told]).toEqual([true, ["pending"]]);
    const { asked } = at.known;
    await at.clock.advance(60_000);
    expect(at.known.asked).toBe(asked);
  });

  it("that ended because nobody knows any more ends the admission", () => {
    at = rig({ hmac: "warn" });
    const phone = at.call("a");
    at.known.change("a", undefined);
    expect(phone.isAdmitted).toBe(false);
  });

  it.each(["unknown", "UNKNOWN ", "null"])("of the device %s, which names no one phone, does not exist", (device) => {
    at = rig({ hmac: "warn" });
    at.known.statuses.set(device, "approved");
    const [one, other] = [at.call(device), at.call(device)];
    at.known.change(device, "approved");
    expect([one, other].map(({ isAdmitted }) => isAdmitted)).toEqual([false, false]);
    expect(at.bare(one)).toBe("unapproved");
    expect([at.known.asked, at.events]).toEqual([0, []]);
  });
});

describe("a device that comes again", () => {
  it("is replaced once the new connection is admitted, not before", () => {
    const old = at.call("a");
    at.frame(old);
    const fresh = at.call("a");
    expect(old.isOpen).toBe(true);
    at.frame(fresh);
    expect(at.events).toEqual(["+c1", "+c2", "xc1"]);
  });

  it("leaves its older ones that were never admitted, too; a younger one is left alone", () => {
    const [older, own, younger] = [at.call("a"), at.call("a"), at.call("a")];
    at.frame(own);
    expect(at.events).toEqual(["+c2", "xc1"]);
    expect([older.isOpen, younger.isOpen]).toEqual([false, true]);
    at.frame(older);
    expect(at.events).toEqual(["+c2", "xc1"]);
  });

  it.each([
    [0, ["+c3", "xc2"]],
    [1, ["+c3", "xc1"]],
    [2, ["+c2", "xc1"]],
  ])("hears of its approval on all it has, also when number %i of three has ended", (ended, events) => {
    const phones = [at.call("new"), at.call("new"), at.call("new")];
    for (const phone of phones) at.frame(phone);
    const gone = phones[ended] as (typeof phones)[0];
    gone.isOpen = false;
    at.admission.closed(gone);
    at.known.change("new", "approved");
    expect(at.events).toEqual(events);
  });

  it("is another device for its bot: one does not replace the other", () => {
    at.frame(at.call("a"));
    at.frame(at.call("b"));
    expect(at.events).toEqual(["+c1", "+c2"]);
  });

  it("from another address is accepted and counted", async () => {
    for (const address of ["192.0.2.1", "192.0.2.1", "198.51.100.7"]) {
      expect(at.frame(at.call("a", { address }))).toBe("trusted");
    }
    at.frame(at.call("b", { address: "198.51.100.9" }));
    expect(await at.counted("moa_device_address_changes_total")).toBe(1);
  });
});

describe("a bot that names its networks", () => {
  it("lets nobody in from elsewhere, whatever is signed and approved", async () => {
    at = rig({ allow: ["192.0.2.1"] });
    const stranger = at.call("a", { address: "198.51.100.7" });
    at.known.change("a", "approved");
    expect([stranger.told, at.frame(stranger), stranger.isAdmitted]).toEqual([["source, probed"], "source", false]);
    expect(at.frame(at.call("a"))).toBe("trusted");
    expect(await at.counted('moa_connections_identified_total{status="source"}')).toBe(1);
  });
});

it("a connection that ended is forgotten and never admitted", async () => {
  at.known.slow = true;
  const phone = at.call("a");
  phone.isOpen = false;
  at.admission.closed(phone);
  await at.clock.settle();
  expect([phone.told, at.frame(phone), at.events]).toEqual([[], "source", []]);
});
