/** Delays the answer to a submission until its job has finished, or the time is over. */
import type { JobView } from "../../core/job.ts";
import { isFinished } from "../../core/job.ts";
import type { Waiters } from "../events/waiters.ts";
import type { Answer, Reply } from "../http/exchange.ts";
import type { JobJson } from "../jobs/job-json.ts";
import type { Wait } from "./wait.ts";

/** Many requests may wait for one job, so its JSON is made once. */
const jsonOfViews = new WeakMap<JobView, string>();

function jsonOf(view: JobView, toJson: JobJson): string {
  let json = jsonOfViews.get(view);
  if (json === undefined) jsonOfViews.set(view, (json = toJson(view)));
  return json;
}

export interface WaitedReply extends Pick<Reply, "send"> {
  /**
   * Waits for another job: the one of an earlier request with the same Idempotency-Key, which may have finished long
   * ago.
   */
  turnTo(id: string): void;
}

export interface WaitedReplyOptions {
  readonly waiters: Pick<Waiters, "wait" | "look">;
  readonly toJson: JobJson;
  readonly reply: Reply;
  readonly wait: Wait;
}

/**
 * Starts to wait before the job is enqueued, so that its end cannot be missed. A rejection is sent at once. A 202
 * becomes 200 with the finished job, or 202 with the job as it is at the deadline. If too many requests wait already,
 * the 202 is sent at once.
 */
export function waitedReply({ waiters, toJson, reply, wait }: WaitedReplyOptions, firstId: string): WaitedReply {
  let accepted: Answer | undefined;
  let ended: { readonly view: JobView | undefined } | undefined; // the job may finish before the 202 arrives here
  const answer = (): void => {
    if (!accepted || !ended) return;
    const { view } = ended;
    const headers = [...(accepted.headers ?? []), ...(wait.applied ? [wait.applied] : [])];
    reply.send({
      ...accepted,
      headers,
      status: view && isFinished(view.status) ? 200 : 202,
      body: view ? jsonOf(view, toJson) : accepted.body,
    });
  };
  const waitFor = (id: string) =>
    waiters.wait(id, wait.ms, (view) => {
      ended = { view };
      answer();
    });

  let forget = waitFor(firstId);
  reply.onGone(() => forget?.());
  return {
    send: (first) => {
      if (first.status === 202 && forget) {
        accepted = first;
        answer();
        return;
      }
      forget?.();
      reply.send(first);
    },
    turnTo: (id) => {
      forget?.();
      ended = undefined;
      forget = waitFor(id);
      waiters.look(id);
    },
  };
}
