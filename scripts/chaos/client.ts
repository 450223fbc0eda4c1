/** The client of a run: it submits jobs and records every answer in the ledger. */
import { setTimeout as delay } from "node:timers/promises";
import type { Entry, Ledger } from "./ledger.ts";

export interface Submission {
  readonly type: string;
  readonly payload: object;
  readonly [field: string]: unknown;
}

export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly isReplayed: boolean;
}

/** A job as the API shows it. */
export interface JobBody {
  readonly id: string;
  readonly status: string;
  readonly attempt: number;
  readonly result: Readonly<Record<string, unknown>> | null;
  readonly error: { readonly code: string; readonly message: string } | null;
}

const ANSWER_WITHIN_MS = 15_000;
/** How long a submission with an Idempotency-Key is repeated. */
const REPEAT_FOR_MS = 30_000;
const REPEAT_AFTER_MS = 300;
/** The longest pause between repeats: with shorter ones, the repeats of an outage of 10 s would outnumber the load. */
const REPEAT_GROWTH = 1.5;
const REPEAT_AFTER_AT_MOST_MS = 1_500;

/** One request. Rejects with the cause of Node's fetch if there is no answer. */
export async function call(
  url: string,
  method: string,
  body?: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const init = {
    method,
    headers: { ...(body !== undefined && { "content-type": "application/json" }), ...headers },
    signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
  };
  const response = await fetch(url, { ...init, ...(body !== undefined && { body }) });
  const text = await response.text();
  const parsed = text.startsWith("{") ? (JSON.parse(text) as Record<string, unknown>) : {};
  return { status: response.status, body: parsed, isReplayed: response.headers.get("idempotent-replayed") === "true" };
}

/** Submits one job once and records the answer. */
export async function submitOnce(url: string, entry: Entry, body: string, idempotencyKey?: string): Promise<void> {
  const startedAt = performance.now();
  try {
    const answer = await call(
      `${url}/api/v1/jobs`,
      "POST",
      body,
      idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey },
    );
    enter(entry, answer);
  } catch (error) {
    const { code } = ((error as Error).cause ?? {}) as { code?: string };
    entry.state = code === "ECONNREFUSED" ? "rejected" : "unknown";
    entry.detail = String(error);
  }
  entry.answeredAt = performance.now();
  entry.ms = entry.answeredAt - startedAt;
}

/** Records an answer to a submission. */
export function enter(entry: Entry, { status, body }: Answer): void {
  const isUnknown = status === 503 && body["code"] === "outcome_unknown";
  entry.state = status === 202 ? "accepted" : isUnknown || (status >= 500 && status !== 503) ? "unknown" : "rejected";
  if (status === 202 || isUnknown) entry.id = String(body["id"]);
  entry.detail = status === 202 ? "" : `${status} ${String(body["code"])}: ${String(body["detail"])}`;
}

/** Submits with an Idempotency-Key to any replica until the job is accepted or the time limit passes. */
export async function submitUntilAccepted(urlOf: () => string, entry: Entry, body: string): Promise<void> {
  const deadline = performance.now() + REPEAT_FOR_MS;
  for (let pauseMs = REPEAT_AFTER_MS; ; pauseMs = Math.min(REPEAT_AFTER_AT_MOST_MS, pauseMs * REPEAT_GROWTH)) {
    await submitOnce(urlOf(), entry, body, `key-${entry.key}`);
    if (entry.state === "accepted" || performance.now() > deadline) return;
    if (entry.state === "unknown") entry.hasUnknownTry = true;
    await delay(pauseMs);
  }
}

/** Cancels the remaining jobs of a scenario, and repeats calls without an answer. */
export async function cancelAll(url: string, entries: readonly Entry[]): Promise<void> {
  const deadline = performance.now() + REPEAT_FOR_MS;
  for (const { id } of entries) {
    if (id === undefined) continue;
    const tryOnce = async (): Promise<boolean> =>
      (await call(`${url}/api/v1/jobs/${id}`, "DELETE").catch(() => ({ status: 503 }))).status < 500;
    while (!(await tryOnce()) && performance.now() < deadline) await delay(REPEAT_AFTER_MS);
  }
}

/** Submits many jobs in one request, all or none. */
export async function submitBatch(url: string, ledger: Ledger, submissions: readonly Submission[]): Promise<Entry[]> {
  const entries = submissions.map(({ type }) => ledger.open(type));
  const jobs = submissions.map((submission, i) => ({ ...submission, tags: [entries[i]?.key] }));
  const { status, body } = await call(`${url}/api/v1/jobs/batch`, "POST", JSON.stringify({ jobs }));
  const ids = (body["jobs"] ?? []) as { readonly id: string }[];
  entries.forEach((entry, i) => {
    enter(entry, {
      status,
      body: { ...body, id: ids[i]?.id ?? (body["ids"] as string[] | undefined)?.[i] },
      isReplayed: false,
    });
  });
  return entries;
}
