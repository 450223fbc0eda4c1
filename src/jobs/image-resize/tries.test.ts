import { expect, it } from "vitest";
import { PermanentError, RetryableError } from "../../core/job-type.ts";
import { judged } from "./tries.ts";

const timeout = new RetryableError("the image took longer than 100 s", { code: "image_timeout" });

it("an image that takes too long is tried three times, whatever failures occur in between", () => {
  const first = judged(timeout, undefined) as RetryableError;
  const second = judged(timeout, first.state) as RetryableError;
  for (const each of [first, second]) expect(each).toBeInstanceOf(RetryableError);
  const third = judged(new RetryableError("killed", { code: "image_process_exited" }), second.state);
  expect(third).toBeInstanceOf(PermanentError);
  expect(third).toMatchObject({ code: "image_process_exited" });
});

it("other failures are passed on unchanged", () => {
  for (const thrown of [
    new RetryableError("away", { code: "source_unreachable" }),
    new PermanentError("no image", { code: "image_invalid" }),
    "text",
  ]) {
    expect(judged(thrown, { tries: 2 })).toBe(thrown);
  }
});
