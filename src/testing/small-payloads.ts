/** For parts that are only tested with small payloads. */
export const smallPayloads = {
  ioThreads: { run: (): Promise<never> => Promise.reject(new Error("no thread of lane io here")) },
  save: (): Promise<never> => Promise.reject(new Error("nothing is saved here")),
  payload: (): Promise<never> => Promise.reject(new Error("no large payloads here")),
};
