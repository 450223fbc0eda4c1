/**
 * The fields that connect a job with the job that delivers its callback. The id of the latter follows from the id of
 * the former; the converse is read from its payload, and checked by that rule.
 */
import { CALLBACK_TYPE } from "../../core/callback.ts";
import type { Job, JobView } from "../../core/job.ts";
import { isFinished } from "../../core/job.ts";
import { isLarge } from "../../core/payload.ts";
import { callbackId } from "../../queue/ids.ts";
import type { FoundJob } from "./find-job.ts";
import { viewOfFound } from "./find-job.ts";

/** Where the payload of a callback has the id of the job that has ended. */
const BODY_ID = /"body":\{"id":"([0-9a-f-]{36})"/;

/** `callback_job` and `callback_of` as JSON, each with a comma before it; "" for a job without either. */
export function callbackFields(id: string, found: FoundJob<Job>): string {
  const view = viewOfFound(id, found);
  const callbackOf = callbackOfView(view);
  return (
    (isFinished(view.status) && hasCallback(found) ? `,"callback_job":"${callbackId(id)}"` : "") +
    (callbackOf === undefined ? "" : `,"callback_of":"${callbackOf}"`)
  );
}

function hasCallback(found: FoundJob<Job>): boolean {
  switch (found.source) {
    case "redis":
      return found.live.options.callback_url !== undefined;
    case "postgres":
      return found.row.hasCallback;
    case "accepted":
      return false; // it has not ended
  }
}

function callbackOfView({ id, type, payload }: JobView): string | undefined {
  if (type !== CALLBACK_TYPE || isLarge(payload)) return undefined;
  const ended = BODY_ID.exec(payload)?.[1];
  return ended !== undefined && callbackId(ended) === id ? ended : undefined;
}
