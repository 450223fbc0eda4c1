/** The answer to a submission that waits for its job: held back until the job has ended, or the time is over. */
import type { JobView } from "../../core/job.ts";
import type { Waiters } from "../events/waiters.ts";
import { hasEnded } from "../events/waiters.ts";
import type { Answer, Reply } from "../http/exchange.ts";
import type { JobJson } from "../jobs/job-json.ts";
import type { Wait } from "./wait.ts";

/** Many may wait for one job: its JSON is made once. */
const texts = new WeakMap<JobView, string>();

function textOf(view: JobView, toJson: JobJson): string {
  let text = texts.get(view);
  if (text === undefined) texts.set(view, (text = toJson(view)));
  return text;
}

export interface WaitedReply extends Pick<Reply, "send"> {
  /** It is another job: the one that an earlier request with the same key made, and which may have ended long ago. */
  turnTo(id: string): void;
}

export interface WaitedReplyOptions {
  readonly waiters: Pick<Waiters, "wait" | "look">;
  readonly toJson: JobJson;
  readonly reply: Reply;
  readonly wait: Wait;
}

/**
 * Waits from now on, before the job is enqueued, so that its end cannot be missed. A refusal is passed on at once, a 202 becomes
 * 200 with the finished job, or 202 with the job as it is by then. Where too many wait already, the 202 is passed on.
 */
export function waitedReply({ waiters, toJson, reply, wait }: WaitedReplyOptions, firstId: string): WaitedReply {
  let accepted: Answer | undefined;
  let ended: { readonly view: JobView | undefined } | undefined; // may come before the answer that the job was accepted
  const answer = (): void => {
    if (!accepted || !ended) return;
    const { view } = ended;
    const headers = [...(accepted.headers ?? []), ...(wait.applied ? [wait.applied] : [])];
    reply.send({
      ...accepted,
      headers,
      status: view && hasEnded(view) ? 200 : 202,
      body: view ? textOf(view, toJson) : accepted.body,
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
