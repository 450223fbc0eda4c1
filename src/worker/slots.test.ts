import Type from "typebox";
import { describe, expect, it } from "vitest";
import type { Lane } from "../core/job-type.ts";
import { defineJob, exponential } from "../core/job-type.ts";
import { Slots } from "./slots.ts";

const define = (type: string, lane: Lane) =>
  defineJob({
    type,
    lane,
    payload: Type.Object({}),
    attempts: 3,
    timeoutMs: 1_000,
    backoff: exponential(1, 2),
    run: () => null,
  });
const types = [define("email", "io"), define("webhook", "io"), define("image", "cpu"), define("export", "cpu")];

describe("slots", () => {
  it("keep one type of lane io from filling it, and let one of lane cpu have all threads", () => {
    const { io, cpu, types: free } = new Slots(types, 10, 2).free(500);
    expect({ io, cpu }).toEqual({ io: 10, cpu: 2 });
    expect(Object.fromEntries(free.map(({ type, slots }) => [type, slots]))).toEqual({
      email: 8,
      webhook: 8,
      image: 2,
      export: 2,
    });
  });

  it("give the first turn to each type in turn", () => {
    const slots = new Slots(types, 10, 2);
    const first = Array.from({ length: 4 }, () => slots.free(500).types[0]?.type);
    expect(new Set(first).size).toBe(4);
  });

  it("count what runs, and say when a slot comes free that was missing", () => {
    const slots = new Slots(types, 10, 1);
    slots.tryTake("image", 1);
    expect(slots.free(500).cpu).toBe(0);
    expect(slots.give("image")).toBe(true);
    slots.tryTake("email", 1);
    expect(slots.running).toBe(1);
    expect(slots.use()).toMatchObject({
      lanes: { io: { limit: 10, running: 1 } },
      types: { email: { limit: 8, running: 1 } },
    });
    expect(slots.give("email")).toBe(false);
    expect(slots.give("unknown")).toBe(false);
  });

  it("count the bytes of a running job that grows", () => {
    const slots = new Slots(types, 10, 2, 100);
    slots.tryTake("email", 1);
    slots.grow(70);
    expect(slots.free(500).bytes).toEqual({ free: 30, isUnused: false });
    expect(slots.tryTake("email", 1, 31)).toBe(false);
    slots.give("email", 1, 70);
    expect(slots.free(500).bytes).toEqual({ free: 100, isUnused: true });
  });

  it("never offer more than the limit", () => {
    expect(new Slots(types, 10, 2).free(0)).toMatchObject({ io: 0, cpu: 0 });
  });

  it("leave a lane to its only type", () => {
    expect(new Slots([define("email", "io")], 10, 1).free(500).types[0]?.slots).toBe(10);
  });

  it("give all that are asked for, or none", () => {
    const slots = new Slots(types, 10, 2);
    expect(slots.tryTake("image", 3)).toBe(false);
    expect(slots.tryTake("image", 2)).toBe(true);
    expect(slots.tryTake("image", 1)).toBe(false);
    expect(slots.give("image", 2)).toBe(true);
    expect(slots.tryTake("unknown", 1)).toBe(false);
    expect(slots.running).toBe(0);
  });
});
