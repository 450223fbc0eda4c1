import { expect, it } from "vitest";
import type { Outcome } from "../core/job.ts";
import { submission } from "../testing/queue.ts";
import { callbacks } from "./callback.ts";

const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

function outcome(options: object): Outcome {
  const job = {
    id: "019c1f2e-8c00-7000-8000-000000000001",
    ...submission({ options: { callback_url: "https://a.example/done", ...options } }),
  };
  return {
    job,
    status: "completed",
    result: "1",
    error: null,
    attempt: 1,
    worker: null,
    startedAt: null,
    finishedAt: 1,
    records: [],
  };
}

const payloadOf = (options: object, secrets: string): unknown =>
  JSON.parse(
    callbacks(() => `{"id":"x","payload":{"submitted_by":"me"}}`, secrets)(outcome(options))?.submission
      .payload as string,
  );

it.each<[string, object, string, object]>([
  [
    "has the key that submitted the job",
    { api_key: "f4b89bea5c1f3bbc" },
    SECRET,
    { secret: { setting: "CALLBACK_SECRET" }, body: { submitted_by: "f4b89bea5c1f3bbc" } },
  ],
  ["says that none is known", {}, SECRET, { secret: { setting: "CALLBACK_SECRET" }, body: { submitted_by: null } }],
  ["asks for no signature where there is no secret", {}, " ", { body: { submitted_by: null } }],
])("a callback %s", (_what, options, secrets, { body, ...rest }: { body?: object }) => {
  expect(payloadOf(options, secrets)).toEqual({
    url: "https://a.example/done",
    ...rest,
    body: { id: "x", payload: { submitted_by: "me" }, ...body },
  });
});
