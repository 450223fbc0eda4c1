import { expect, it } from "vitest";
import { axisTexts } from "./axis-texts.ts";
import { durationText } from "./format.ts";

it("has each text once, at the first of its values", () => {
  expect(axisTexts([0, 0.2, 0.4, 0.6, 0.8, 1], durationText)).toEqual(["0 ms", "", "", "1 ms", "", ""]);
  expect(axisTexts([0, 5, 10], durationText)).toEqual(["0 ms", "5 ms", "10 ms"]);
  expect(axisTexts([], durationText)).toEqual([]);
});
