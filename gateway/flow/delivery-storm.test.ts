import { describe, expect, it } from "vitest";
import { seededRandom } from "#common/kernel/random.ts";
import { type Phone, world } from "#test/fixtures/delivery.ts";

describe("a storm", () => {
  it.each(Array.from({ length: 100 }, (_, seed) => seed))(
    "of connections, drops, slow calls and lost pieces loses no action and doubles none without saying so (seed %i)",
    async (seed) => {
      const random = seededRandom(seed);
      const at = world(seed);
      const everyPhone: Phone[] = [];
      const sites = [at.pod("a"), at.pod("bb")];
      const phones: { phone: Phone; site: (typeof sites)[number] }[] = [];
      let count = 0;
      for (let round = 0; round < 60; round++) {
        const site = sites[Math.floor(random.next() * 2)] as (typeof sites)[number];
        site.faults.slowMs = random.next() < 0.5 ? 0 : 120;
        if (random.next() < 0.2) site.faults.deaf = true;
        else if (site.faults.deaf) site.hearAgain();
        const dice = random.next();
        if (dice < 0.2) {
          const phone = await site.connect(`c${round}`);
          everyPhone.push(phone);
          phones.push({ site, phone });
        } else if (dice < 0.3) {
          const [gone] = phones.splice(Math.floor(random.next() * phones.length), 1);
          if (gone !== undefined) await gone.site.drop(gone.phone);
        } else await at.answer([`${count++}`, `${count++}`]);
        await at.clock.advance(random.next() * 200);
      }
      for (const site of sites) {
        site.faults.slowMs = 0;
        site.hearAgain();
      }
      const [last] = sites as [(typeof sites)[number], (typeof sites)[number]];
      everyPhone.push(await last.connect("last"));
      await at.clock.advance(10_000);
      await at.answer(["end"]);
      await at.clock.advance(1_000);
      expect(await last.left()).toBe(0);
      const shown = everyPhone.flatMap((phone) => phone.shown);
      const first = shown.filter((text) => !text.startsWith("!"));
      expect(new Set(first).size).toBe(first.length);
      const texts = new Set(shown.map((text) => text.replace("!", "")));
      expect(texts).toEqual(new Set(["end", ...Array.from({ length: count }, (_, i) => `${i}`)]));
    },
  );
});
