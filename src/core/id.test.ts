import { describe, expect, it } from "vitest";
import { idPrefix, idsFrom, isId, lowestIdAt, makeId, timeOfId } from "./id.ts";

const NOW = Date.UTC(2026, 10, 24, 3, 0, 0, 123);

describe("ids", () => {
  it("are UUIDv7 with their time, shard and variant", () => {
    const id = makeId(idPrefix(NOW, 0x2a, 0x3fffffff), 0xab);
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-702a-[89ab][0-9a-f]{3}-[0-9a-f]{4}000000ab$/);
    expect(isId(id)).toBe(true);
    expect(timeOfId(id)).toBe(NOW);
  });

  it("of a batch are consecutive", () => {
    const first = makeId(idPrefix(NOW, 0, 7), 254);
    const all = idsFrom(first, 3);
    expect(all[0]).toBe(first);
    expect(all.map((id) => id.slice(-4))).toEqual(["00fe", "00ff", "0100"]);
    expect([...all].sort()).toEqual(all);
  });

  it("have a lower bound for each time", () => {
    const id = makeId(idPrefix(NOW, 0, 0), 0);
    expect(lowestIdAt(NOW) <= id && id < lowestIdAt(NOW + 1)).toBe(true);
    expect(lowestIdAt(-5)).toBe("00000000-0000-0000-0000-000000000000");
  });

  it.each(["", "x", "0190B3E4-0000-7000-8000-000000000000", "0190b3e4-0000-7000-8000-00000000000g", "../0190b3e4"])(
    "refuse %j",
    (text) => {
      expect(isId(text)).toBe(false);
    },
  );
});
