import { describe, expect, it } from "vitest";
import { LargeBodies } from "./large-bodies.ts";

const MIB = 1024 * 1024;

function setup() {
  const bodies = new LargeBodies(256 * 1024 * 1024);
  const started: string[] = [];
  const body = (name: string, bytes = 1) => ({ caller: name.charAt(0), bytes, start: () => started.push(name) });
  const enter = (name: string, bytes?: number) => bodies.enter(body(name, bytes));
  const leave = (bytes?: number) => bodies.leave(body("", bytes));
  return { bodies, started, body, enter, leave };
}

describe("large bodies", () => {
  it("are parsed two at once, the others of one caller in their order", () => {
    const { bodies, started, enter, leave } = setup();
    for (const name of ["a1", "a2", "a3", "a4"]) enter(name);
    expect(started).toEqual(["a1", "a2"]);
    bodies.parsed();
    expect(started).toEqual(["a1", "a2", "a3"]);
    bodies.parsed();
    expect(started).toHaveLength(3); // one is parsed, two are on their way into Redis
    leave();
    expect(started).toEqual(["a1", "a2", "a3", "a4"]);
  });

  it("of one caller do not hold up another caller's", () => {
    const { bodies, started, enter, leave } = setup();
    for (let number = 0; number < 100; number++) enter(`a${number}`);
    for (const name of ["b0", "b1", "c0"]) enter(name);
    for (let turn = 0; turn < 6; turn++) {
      bodies.parsed();
      leave();
    }
    expect(started).toEqual(["a0", "a1", "a2", "b0", "c0", "a3", "b1", "a4"]);
  });

  it("wait as long as there is room for their bytes, which one caller cannot have alone", () => {
    const { bodies, started, enter, leave } = setup();
    for (const name of ["a1", "a2"]) enter(name, 32 * MIB);
    expect(["a3", "a4", "a5", "b1", "b2"].map((name) => enter(name, 64 * MIB))).toEqual([true, true, false, true, false]);
    for (const bytes of [32 * MIB, 32 * MIB]) {
      bodies.parsed();
      leave(bytes);
    }
    expect(started).toEqual(["a1", "a2", "a3"]);
    expect(enter("b2", 64 * MIB)).toBe(true);
  });

  it("are dropped when their client goes while they wait", () => {
    const { bodies, started, enter, leave, body } = setup();
    for (const name of ["a1", "a2"]) enter(name);
    const gone = body("a3", 128 * MIB);
    bodies.enter(gone);
    expect(enter("a4")).toBe(false);
    bodies.drop(gone);
    bodies.drop(gone);
    expect(enter("a5", 128 * MIB)).toBe(true);
    for (let ended = 0; ended < 2; ended++) {
      bodies.parsed();
      leave();
    }
    expect(started).toEqual(["a1", "a2", "a5"]);
  });

  it("run alone where two would be more than a third of the bytes that the server has, and are overtaken by none", () => {
    const { bodies, started, enter, leave } = setup();
    enter("a1", 80 * MIB);
    enter("b1", 16 * MIB);
    enter("c1", MIB);
    expect(started).toEqual(["a1"]);
    bodies.parsed();
    leave(80 * MIB);
    expect(started).toEqual(["a1", "b1", "c1"]);
  });
});
