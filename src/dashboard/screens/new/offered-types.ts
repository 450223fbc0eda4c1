/** The job types that a form submits. */
import type { TypeDescription } from "../../../client/taskflow.ts";

/** Jobs of these types act on other jobs: dialogs that count those jobs first submit them, or flows do. */
const ON_OTHER_JOBS = /^(?:replay|bulk_.+|schedule_backfill|batch_results)$/;

/** Built-in types first, in the order of the server; then the others by name. */
export function offeredTypes<Type extends Pick<TypeDescription, "type" | "is_built_in">>(
  types: readonly Type[],
): readonly Type[] {
  const isBuiltIn = (type: Type): boolean => type.is_built_in === true;
  return [
    ...types.filter((type) => isBuiltIn(type) && !ON_OTHER_JOBS.test(type.type)),
    ...types.filter((type) => !isBuiltIn(type)).sort((a, b) => a.type.localeCompare(b.type)),
  ];
}
