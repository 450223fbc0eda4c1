/** The arguments of enqueue.lua for jobs that are added to a batch, and for retries. Those of a new flow: flow-fields.ts. */
import { OPCODE } from "./codes.ts";
import type { SubmittedFlow } from "./flow-fields.ts";

/** The id of the retry that a submission is; undefined for any other. */
export function retryIdOf(flow: SubmittedFlow | undefined): string | undefined {
  return flow?.kind === "new" ? flow.preset?.retryId : undefined;
}

/** The retry that a submission is, as enqueue.lua takes it: its id, and how many jobs were prepared for it. */
export function retryText(flow: SubmittedFlow | undefined): string | undefined {
  const retryId = retryIdOf(flow);
  const prepared = flow?.kind === "new" ? flow.preset?.prepared : undefined;
  return prepared === undefined ? retryId : `${retryId}+${prepared}`;
}

/** The argument of enqueue.lua for jobs that are prepared for a retry. */
export function encodePreparation(
  { id, retryId, position }: Extract<SubmittedFlow, { kind: "prepare" }>,
  jobs: number,
): string {
  return `${OPCODE.preparation}${id} ${retryId} ${position} ${jobs}`;
}

/** The argument of enqueue.lua for jobs that are added to a batch. */
export function encodeAddition({ id, from = "" }: Extract<SubmittedFlow, { kind: "add" }>, jobs: number): string {
  return `${OPCODE.addition}${id} ${jobs} ${from}`;
}
