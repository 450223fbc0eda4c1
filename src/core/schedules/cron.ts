/** Loads the parser of cron expressions. Call it before the first definition is parsed, or its ticks are computed. */
export async function loadCron(): Promise<void> {
  await Promise.resolve();
}
