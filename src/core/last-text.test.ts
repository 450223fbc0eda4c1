import { expect, it } from "vitest";
import { lastText } from "./last-text.ts";

it("is created again only if one of the facts changes", () => {
  let made = 0;
  const text = lastText((a: string, b: number | null, c: string, d: string, e: string, f: number) => {
    made += 1;
    return [a, b, c, d, e, f].join(" ");
  });
  const facts: Parameters<typeof text> = ["a", null, "c", "d", "e", 6];
  expect([text(...facts), text(...facts), made]).toEqual(["a  c d e 6", "a  c d e 6", 1]);
  for (let i = 0; i < facts.length; i += 1) {
    const others = facts.with(i, i + 1) as typeof facts;
    expect(text(...others)).toBe(others.join(" "));
    expect(text(...facts)).toBe("a  c d e 6");
  }
  expect(made).toBe(1 + 2 * facts.length - 2); // the last fact was 6 already
});

it("keeps the text if creating a new one throws", () => {
  const text = lastText((good: string) => {
    if (good === "") throw new Error("none");
    return good;
  });
  expect(text("a")).toBe("a");
  expect(() => text("")).toThrow("none");
  expect(text("a")).toBe("a");
});
