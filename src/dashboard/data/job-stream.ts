/**
 * Follows one job with the lines that it logs. The server sends lines only in the stream of a job, so the stream that
 * the tabs share has none.
 */
import type { JobEvent } from "../../client/taskflow.ts";
import { client } from "./session.ts";
import { useStream } from "./stream.ts";

/** @param id undefined for none: the job cannot change any more, or is not known yet */
export function useJobStream(id: string | undefined, onEvent: (event: JobEvent) => void): void {
  useStream(id, (job, signal) => client().events({ id: job, signal }), onEvent);
}
