/** Acts on several jobs, one call for each. */
import { TaskFlowError } from "../../../client/taskflow.ts";

/** A browser opens about six connections to a server; one stays free for the screen itself. */
const AT_ONCE = 5;

export interface Summary {
  readonly done: number;
  /** The jobs on which the action was not possible, because their status had changed. */
  readonly skipped: number;
  /** The errors of the others, each once. */
  readonly errors: readonly unknown[];
  readonly failed: number;
}

/** Calls `act` for each id, a few at once. It never rejects. */
export async function actOnEach(ids: readonly string[], act: (id: string) => Promise<unknown>): Promise<Summary> {
  const waiting = [...ids];
  const errors = new Map<string, unknown>();
  let [done, skipped, failed] = [0, 0, 0];
  const work = async (): Promise<void> => {
    for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
      try {
        await act(id);
        done += 1;
      } catch (error) {
        if (error instanceof TaskFlowError && error.status === 409) skipped += 1;
        else {
          failed += 1;
          errors.set(error instanceof TaskFlowError ? error.code : String(error), error);
        }
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return { done, skipped, failed, errors: [...errors.values()] };
}
