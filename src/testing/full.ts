/** Whether all cases of long tables are run: `npm run test:full`. */
export const isFull = process.env.TEST_FULL === "1";

/** All cases in `npm run test:full`, else one in `oneOf`, evenly spread. */
export function sample<Case>(cases: readonly Case[], oneOf: number): Case[] {
  return isFull ? [...cases] : cases.filter((_, at) => at % oneOf === 0);
}
