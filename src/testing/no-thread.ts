/** Stands where pool threads would, for handlers that are not to use any. */
export function noThread(): Promise<never> {
  return Promise.reject(new Error("no pool thread is expected to be used here"));
}
