/** Whether all cases of long tables are run: `npm run test:full`. */
export const isFull = process.env.TEST_FULL === "1";

/** All cases, or one of so many, evenly, where not all are run. */
export function sample<Case>(cases: readonly Case[], oneOf: number): Case[] {
  return isFull ? [...cases] : cases.filter((_, at) => at % oneOf === 0);
}
