/**
 * The file that the pool loads in a thread. It is CommonJS, because the pool tries `require` first, and `require` of an
 * ES module ends the whole process if its thread is terminated meanwhile (seen with Node 20.20: "IsGraphAsync must be
 * used on an instantiated module"). The name of the pool's task function selects the module.
 */
type Run = (task: unknown) => unknown;

const attempts = (): Promise<{ readonly default: Run; readonly warmUp: Run; readonly closeResources: Run }> =>
  import("./thread.js") as never;
const tasks = (): Promise<{ readonly default: Run; readonly warmUp: Run }> => import("./task-thread.js") as never;
const bodies = (): Promise<{ readonly default: Run; readonly references: Run; readonly resolve: Run }> =>
  import("./parse-thread.js") as never;

// Getters of promises: the pool waits for the thread's module before it considers the thread ready.
module.exports = {
  get runAttempt() {
    return attempts().then((module) => module.default);
  },
  get warmUpAttempts() {
    return attempts().then((module) => module.warmUp);
  },
  get closeResources() {
    return attempts().then((module) => module.closeResources);
  },
  get runTask() {
    return tasks().then((module) => module.default);
  },
  get warmUpTasks() {
    return tasks().then((module) => module.warmUp);
  },
  get parseBody() {
    return bodies().then((module) => module.default);
  },
  get findReferences() {
    return bodies().then((module) => module.references);
  },
  get resolveReferences() {
    return bodies().then((module) => module.resolve);
  },
};
