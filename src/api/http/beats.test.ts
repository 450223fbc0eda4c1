import { expect, it } from "vitest";
import { until } from "../../testing/until.ts";
import { Beats } from "./beats.ts";

it("calls each member once per period, spread over the period", async () => {
  const beats = new Beats(600);
  const beatenAt: number[][] = [];
  const members = Array.from({ length: 600 }, (_, i) => {
    const times: number[] = [];
    beatenAt[i] = times;
    return {
      onBeat: () => {
        times.push(turn);
      },
    };
  });
  let turn = 0;
  const turns = setInterval(() => {
    turn += 1;
  }, 1);
  for (const member of members) beats.add(member);
  await until(() => beatenAt.every((times) => times.length >= 2), { what: "each member has been called twice" });
  const counts = new Map<number, number>();
  for (const times of beatenAt) counts.set(times[0] ?? 0, (counts.get(times[0] ?? 0) ?? 0) + 1);
  expect(counts.size).toBeGreaterThan(10); // a slow machine may beat several slots in one turn
  const beatCounts = beatenAt.map((times) => times.length);
  expect(Math.max(...beatCounts) - Math.min(...beatCounts)).toBeLessThanOrEqual(1);
  for (const member of members) beats.delete(member);
  const total = beatenAt.flat().length;
  const later = turn + 30;
  await until(() => turn > later, { what: "more turns have passed" });
  clearInterval(turns);
  expect(beatenAt.flat()).toHaveLength(total);
});
