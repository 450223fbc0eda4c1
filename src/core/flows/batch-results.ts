/** The results of a batch: the interface between the job type `batch_results` and its replica. */
import type { TerminalStatus } from "../job.ts";

/** How a job of a batch ended. */
export interface BatchJob {
  readonly id: string;
  readonly status: TerminalStatus;
  /** JSON; null without one, and after it was erased. */
  readonly result: string | null;
  /** JSON; null without one. */
  readonly error: string | null;
}

export interface BatchResults {
  /**
   * The jobs of a batch that has ended, in the order of their ids, in pages that fit into memory.
   * @param node its name in the flow
   * @returns undefined if there is no such flow or node
   * @throws while iterating, an Error if a job is neither in Redis nor in Postgres yet: try again later
   */
  jobsOf(
    flowId: string,
    node: string,
  ): Promise<{ readonly total: number; readonly pages: AsyncIterable<readonly BatchJob[]> } | undefined>;
}
