import { describe, expect, it } from "vitest";
import type { Job } from "../core/job.ts";
import { PermanentError, RetryAfterError, RetryableError } from "../core/job-type.ts";
import type { AttemptEnd } from "../core/settle.ts";
import { Attempt, endOfReturn, endOfThrow, type StopReason } from "./attempt.ts";

const throwing = (name: string): Error =>
  Object.defineProperty(new Error("said"), name, {
    get: () => {
      throw new Error("a getter");
    },
  });

describe("the end after a throw", () => {
  it.each([
    ["a text", "out of paper", { code: "error", message: "out of paper" }],
    ["nothing", undefined, { code: "error", message: "undefined" }],
    [
      "an error of a driver with the URL of its server",
      new PermanentError("no answer from smtp://app:hunter2@mail:25"),
      { code: "permanent", message: "no answer from smtp://[redacted]@mail:25", isPermanent: true },
    ],
    ["an object", { why: ["a", "b"] }, { code: "error", message: "{ why: [ 'a', 'b' ] }" }],
    ["an object without a prototype", Object.create(null), { code: "error", message: "[Object: null prototype] {}" }],
    [
      "an error whose message is a list",
      Object.assign(new Error(), { message: ["to must be an address"] }),
      { code: "error", message: "[ 'to must be an address' ]" },
    ],
    [
      "a final error whose message is an object",
      Object.assign(new PermanentError("x"), { message: { a: 1 } }),
      { code: "permanent", message: "{ a: 1 }", isPermanent: true },
    ],
    ["an error whose code is no text", Object.assign(new Error("x"), { code: 7 }), { code: "error", message: "x" }],
    [
      "an error whose message cannot be read",
      throwing("message"),
      { code: "error", message: "the thrown value cannot be read" },
    ],
    ["an error whose code cannot be read", throwing("code"), { code: "error", message: "said" }],
    ["an error whose name cannot be read", throwing("name"), { code: "error", message: "said" }],
  ])("that is %s is two texts", (_what, thrown, expected) => {
    expect(endOfThrow(thrown)).toEqual({ kind: "threw", isPermanent: false, ...expected });
  });

  it.each([
    ["soon", Number.NaN],
    [undefined, Number.NaN],
    [{}, Number.NaN],
    [70.5, 70.5],
  ])("with a retry after %j is a wait of %d ms", (asked, waitMs) => {
    expect(endOfThrow(new RetryAfterError("later", asked as number))).toMatchObject({ retryAfterMs: waitMs });
  });
});

it("fails a job for a result that throws as it becomes JSON", () => {
  const toJSON = (): never => {
    throw null as unknown as Error;
  };
  expect(endOfReturn({ toJSON })).toMatchObject({ kind: "threw", code: "result_invalid", isPermanent: true });
});

describe("a handler that was asked to stop, and throws", () => {
  const endFor = (reason: StopReason, thrown: unknown): AttemptEnd | undefined => {
    const attempt = new Attempt({} as Job, 1_000, () => undefined);
    attempt.stop(reason);
    attempt.threw(thrown);
    return attempt.ended;
  };
  const done = new PermanentError("sent, perhaps", { code: "delivery_unknown" });
  const partly = new RetryableError("in part", { code: "stopped", state: { accepted: ["a"] } });

  it.each(["timeout", "drain"] as const)("is not retried for %s if that would repeat finished work", (reason) => {
    expect(endFor(reason, done)).toMatchObject({ kind: "threw", code: "delivery_unknown", isPermanent: true });
    expect(endFor(reason, partly)).toMatchObject({ kind: "threw", code: "stopped", state: '{"accepted":["a"]}' });
    expect(endFor(reason, new RetryableError("no", { code: "x" }))).toMatchObject({
      kind: reason === "drain" ? "released" : "timeout",
    });
  });

  it.each(["cancelled", "lost"] as const)("ends as %s, whatever it throws", (reason) => {
    expect([endFor(reason, done), endFor(reason, partly)]).toEqual([{ kind: reason }, { kind: reason }]);
  });
});
