import { describe, expect, expectTypeOf, it } from "vitest";
import { asPermanent, asRetryable, type CodesOf, jobErrors } from "./job-errors.ts";
import { PermanentError, RetryAfterError, RetryableError } from "./job-type.ts";

const descriptions = { gone: "There is nothing", http_NNN: "The server's status" };
const errors = jobErrors(descriptions);

describe("the errors of a job type", () => {
  it("have a code that the type describes", () => {
    const cause = new Error("below");
    const permanent = errors.permanent("gone", "no more", cause);
    expect(permanent).toBeInstanceOf(PermanentError);
    expect(permanent).toMatchObject({ code: "gone", message: "no more", cause });
    const retryable = errors.retryable("http_503", "later", { atLeastMs: 5, state: { done: 1 } });
    expect(retryable).toBeInstanceOf(RetryableError);
    expect(retryable).toMatchObject({ code: "http_503", atLeastMs: 5, state: { done: 1 } });
    const waiting = errors.retryAfter("http_429", "busy", 7, { waitsForTurn: true });
    expect(waiting).toBeInstanceOf(RetryAfterError);
    expect(waiting).toMatchObject({ code: "http_429", retryAfterMs: 7, waitsForTurn: true });
  });

  it("accept no other code at compile time", () => {
    expectTypeOf<CodesOf<typeof descriptions>>().toEqualTypeOf<"gone" | `http_${number}`>();
    // @ts-expect-error the type does not describe this code
    errors.permanent("lost", "");
    // @ts-expect-error a status is a number
    errors.permanent("http_NNN", "");
  });

  it.each([
    ["gone", true],
    ["http_404", true],
    ["http_x", false],
    ["toString", false],
    ["lost", false],
    [undefined, false],
  ])("know whether %s is one of the codes", (code, expected) => {
    expect(errors.isCode(code)).toBe(expected);
  });

  it("keep their code when they become permanent, or contain a state", () => {
    const thrown = errors.retryable("http_500", "broken");
    expect(asPermanent(thrown, "broken (try 3)")).toMatchObject({
      code: "http_500",
      message: "broken (try 3)",
      cause: thrown,
    });
    const waiting = errors.retryAfter("gone", "later", 10);
    expect(asRetryable(waiting, { atLeastMs: 10, state: 1 })).toMatchObject({
      name: "RetryableError",
      code: "gone",
      message: "later",
      atLeastMs: 10,
      state: 1,
      cause: waiting,
    });
  });
});
