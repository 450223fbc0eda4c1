/** Replaces the pool threads, for handlers that must not use any. */
export function noThread(): Promise<never> {
  return Promise.reject(new Error("no pool thread is expected to be used here"));
}
