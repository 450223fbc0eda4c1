import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, it } from "vitest";
import { Outgoing } from "./outgoing.ts";

it("writes in order, at the end of the turn", async () => {
  const outgoing = new Outgoing();
  const seen: string[] = [];
  const next = nextTurn().then(() => seen.push("next turn"));
  for (const name of ["first", "second"]) {
    outgoing.add(() => seen.push(name));
    seen.push(`${name} made`);
  }
  await next;
  expect(seen).toEqual(["first made", "second made", "first", "second", "next turn"]);
});

it("writes answers that are added during a write", async () => {
  const outgoing = new Outgoing();
  const seen: string[] = [];
  outgoing.add(() => {
    seen.push("first");
    outgoing.add(() => seen.push("second"));
  });
  await nextTurn();
  expect(seen).toEqual(["first", "second"]);
});
