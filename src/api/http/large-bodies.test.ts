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
  it("of one caller are parsed one at a time, in order; those of two callers concurrently", () => {
    const { bodies, started, enter, leave } = setup();
    for (const name of ["a1", "a2", "a3", "b1", "c1"]) enter(name);
    expect(started).toEqual(["a1", "b1"]);
    bodies.parsed("a");
    expect(started).toEqual(["a1", "b1", "a2"]);
    bodies.parsed("a");
    expect(started).toHaveLength(3); // one body is being parsed, two jobs are on their way into Redis
    leave();
    expect(started).toEqual(["a1", "b1", "a2", "c1"]);
  });

  it("of one caller do not delay those of another", () => {
    const { bodies, started, enter, leave } = setup();
    for (let number = 0; number < 100; number++) enter(`a${number}`);
    for (const name of ["b0", "b1", "c0"]) enter(name);
    expect(started).toEqual(["a0", "b0"]);
    for (const caller of ["a", "b", "a", "b"]) {
      bodies.parsed(caller);
      leave();
    }
    expect(started).toEqual(["a0", "b0", "a1", "b1", "c0", "a2"]);
  });

  it("wait if there is room for their bytes, which one caller cannot use up alone", () => {
    const { bodies, started, enter, leave } = setup();
    for (const name of ["a1", "b1"]) enter(name, 32 * MIB);
    expect(["a2", "a3", "a4", "b2", "b3"].map((name) => enter(name, 64 * MIB))).toEqual([
      true,
      true,
      false,
      true,
      false,
    ]);
    for (const caller of ["a", "b"]) {
      bodies.parsed(caller);
      leave(32 * MIB);
    }
    expect(started).toEqual(["a1", "b1", "a2"]);
    expect(enter("b3", 64 * MIB)).toBe(true);
  });

  it("are dropped if their client disconnects while they wait", () => {
    const { bodies, started, enter, leave, body } = setup();
    for (const name of ["a1", "b1"]) enter(name);
    const gone = body("a2", 128 * MIB);
    bodies.enter(gone);
    expect(enter("a3")).toBe(false);
    bodies.drop(gone);
    bodies.drop(gone);
    expect(enter("a4", 128 * MIB)).toBe(true);
    for (const caller of ["a", "b"]) {
      bodies.parsed(caller);
      leave();
    }
    expect(started).toEqual(["a1", "b1", "a4"]);
  });

  it("run alone if two exceed a third of the server's bytes, and are not overtaken", () => {
    const { bodies, started, enter, leave } = setup();
    enter("a1", 80 * MIB);
    enter("b1", 16 * MIB);
    enter("c1", MIB);
    expect(started).toEqual(["a1"]);
    bodies.parsed("a");
    leave(80 * MIB);
    expect(started).toEqual(["a1", "b1", "c1"]);
  });
});
