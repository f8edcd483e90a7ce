import fc from "fast-check";
import { expect, test } from "vitest";
import { DigestSet } from "./digest-set.ts";

const digest = fc
  .tuple(fc.integer({ min: 0, max: 0xffffffff }), fc.integer({ min: 1, max: 0xffffffff }))
  .map(([high, low]) => high.toString(16).padStart(8, "0") + low.toString(16).padStart(8, "0"));

test("has what was added, by text or by bytes, and nothing else", () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(digest, { maxLength: 400 }),
      fc.uniqueArray(digest, { maxLength: 50 }),
      (added, other) => {
        const set = new DigestSet();
        for (const [i, id] of added.entries()) i % 2 ? set.add(id) : set.addBytes(Buffer.from(id, "hex"));
        for (const id of added) set.add(id);
        expect(set.size).toBe(added.length);
        const known = new Set(added);
        for (const id of [...added, ...other]) expect(set.has(id)).toBe(known.has(id));
      },
    ),
    { numRuns: 50 },
  );
});
