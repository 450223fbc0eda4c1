/**
 * Jobs of several API keys, in every state and with marks in all fields, for the tests of who may see and change them.
 */
import { createHash } from "node:crypto";
import type { ApiKey, Scope } from "../core/api-key.ts";
import { idOfHash } from "../core/api-key.ts";
import { encodeRecord } from "../core/attempt-record.ts";
import type { Job } from "../core/job.ts";
import type { ApiServer } from "./api-server.ts";
import { enqueue, ioSlots } from "./queue.ts";

function keyOf(name: string, scopes: readonly Scope[], secret = name): ApiKey {
  const hash = createHash("sha256").update(secret).digest("hex");
  return { id: idOfHash(hash), name, hash, scopes };
}
export const KEYS = {
  submit: keyOf("submit", ["submit"]),
  read: keyOf("read", ["read"]),
  both: keyOf("both", ["submit", "read"]),
  admin: keyOf("admin", ["admin"]),
};
/** Keys that own the jobs of the tests; one has the name of `submit`, as after a rotation. */
export const OTHERS = { other: keyOf("other", ["submit", "read"]), namesake: keyOf("submit", ["submit"], "namesake") };
export type Caller = keyof typeof KEYS | "none";
export const CALLERS: readonly Caller[] = ["none", "submit", "read", "both", "admin"];

export const STATES = ["waiting", "running", "failed", "recorded", "cancelled"] as const;
export type State = (typeof STATES)[number];

/** The path and the body of a request. */
export type Made = readonly [path: string, body?: object];

/** Numbers the claims of the process: each needs a new number. */
let claims = 0;

export const bearer = (name: string): Readonly<Record<string, string>> =>
  name === "none" ? {} : { authorization: `Bearer ${name}` };

export interface ReadAnswer {
  readonly status: number;
  readonly text: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Sends a request and reads its whole answer, or the first part of a stream. */
export async function ask(
  server: Pick<ApiServer, "url">,
  method: string,
  [path, body]: Made,
  headers: Readonly<Record<string, string>>,
): Promise<ReadAnswer> {
  const gone = new AbortController();
  const answer = await fetch(server.url + path, {
    method,
    redirect: "manual",
    signal: gone.signal,
    headers: { ...headers, ...(body && { "content-type": "application/json" }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  const isStream = answer.headers.get("content-type") === "text/event-stream";
  const first = isStream
    ? ((await answer.body?.getReader().read()) as { readonly value?: Uint8Array } | undefined)
    : undefined;
  const text = isStream ? new TextDecoder().decode(first?.value) : await answer.text();
  gone.abort();
  const own = [...answer.headers].filter(([name]) => name !== "x-request-id" && name !== "date");
  return { status: answer.status, text, headers: Object.fromEntries(own) };
}

/**
 * Submits a job with a marker in every field that a caller sets, and in its error, with this key, or without one, as by
 * earlier versions.
 */
export async function jobIn(server: ApiServer, state: State, key: string): Promise<string> {
  const isWaiting = state === "waiting" || state === "cancelled";
  const given = {
    type: "note",
    payload: { text: "MARK-payload" },
    priority: 9,
    group_key: "MARK-group",
    tags: ["MARK-tag"],
  };
  let id: string;
  if (key === "nobody") {
    const options = { tags: given.tags, ...(isWaiting && { run_at: server.queue.clock.now() + 60_000 }) };
    [id = ""] = await enqueue(server.queue, {
      type: "note",
      payload: JSON.stringify(given.payload),
      priority: 9,
      maxAttempts: 3,
      groupKey: given.group_key,
      options,
    });
  } else {
    const answer = await ask(
      server,
      "POST",
      ["/api/v1/jobs", { ...given, ...(isWaiting && { delay_ms: 60_000 }) }],
      bearer(key),
    );
    id = (JSON.parse(answer.text) as { id: string }).id;
  }
  if (state === "cancelled") await server.queue.cancel(id, 60_000, () => undefined);
  if (isWaiting) return id;
  // Including jobs that retries created.
  const { claimed } = await server.queue.claim((claims += 1), 1, ioSlots({ note: 1_000 }));
  const job = claimed.find((each) => each.id === id);
  if (!job) throw new Error("the job was not claimed");
  if (state !== "running") await fail(server, job, state);
  return id;
}

async function fail(server: ApiServer, job: Job, state: State): Promise<void> {
  const error = { code: "permanent", message: "MARK-error", attempt: 1 };
  const record = encodeRecord({
    attempt: 1,
    outcome: "failed",
    worker: job.worker,
    started_at: job.startedAt,
    finished_at: server.queue.clock.now(),
    error,
    log: ["MARK-log"],
  });
  await server.queue.settle(
    [
      {
        id: job.id,
        type: job.type,
        priority: job.priority,
        claimSeq: job.claimSeq,
        startedAt: job.startedAt ?? 0,
        verdict: "failed",
        attempt: 1,
        crashes: 0,
        deferrals: 0,
        runAt: 0,
        record,
      },
    ],
    60_000,
  );
  if (state === "recorded") await server.record(...(await server.queue.read([job.id])));
}
