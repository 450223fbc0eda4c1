import { expect, it } from "vitest";
import { LargeBodies } from "./large-bodies.ts";

it("lets two go on at once, and the others in their order as those leave", () => {
  const bodies = new LargeBodies();
  const started: string[] = [];
  for (const name of ["a", "b", "c", "d"]) bodies.enter(() => started.push(name));
  expect(started).toEqual(["a", "b"]);
  bodies.leave();
  expect(started).toEqual(["a", "b", "c"]);
  bodies.leave();
  bodies.leave();
  bodies.leave();
  bodies.enter(() => started.push("e"));
  expect(started).toEqual(["a", "b", "c", "d", "e"]);
});
