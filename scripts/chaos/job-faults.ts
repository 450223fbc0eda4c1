/** Jobs that crash, hang, or kill the thread or process that runs them. */
import type { Scenario } from "./scenario.ts";

export const threadCrash: Scenario = {
  name: "thread-crash",
  fault: "jobs that end their worker thread, or run it out of memory",
  seconds: { full: 20, fast: 2 },
  run: async (stage) => {
    await stage.load(100, { noop: 40, webhook: 20, cpu: 30, sleep: 10 });
    const crashing = [];
    for (let round = 0; round < stage.seconds; round += 1) {
      crashing.push(
        await stage.submitSurely({ type: "test_cpu", payload: { do: "exit", code: round % 2 }, max_attempts: 1 }),
      );
      if (round % 5 === 0) crashing.push(await stage.submitSurely({ type: "chaos_hog", payload: {} }));
      await stage.wait(1_000);
    }
    await stage.ended(crashing);
    const crashedAt = performance.now();
    await stage.ended([
      await stage.submitSurely({ type: "test_cpu", payload: { do: "return", value: 1 }, priority: 9 }),
    ]);
    stage.recovered(performance.now() - crashedAt);
    const ids = new Set(crashing.map(({ id }) => id));
    return (rows) => {
      stage.expect({
        isSo: rows.filter(({ id }) => ids.has(id)).every(({ status }) => status === "failed"),
        otherwise: "a job that crashed its thread did not fail",
      });
      const harmed = rows.filter(
        ({ type, id, status }) => type === "test_cpu" && !ids.has(id) && status !== "completed",
      );
      stage.expect({ isSo: harmed.length === 0, otherwise: `${harmed.length} other jobs of the pool failed` });
    };
  },
};

export const poison: Scenario = {
  name: "poison",
  fault: "a job that kills the whole process each time it runs",
  seconds: { full: 0, fast: 0 },
  env: (pace) => (pace === "fast" ? { LEASE_MS: "2000" } : {}),
  run: async (stage) => {
    stage.cluster.supervise();
    await stage.load(60, { noop: 60, webhook: 30, sleep: 10 });
    const startedAt = performance.now();
    const entry = await stage.submit({ type: "test_io", payload: { do: "kill" } });
    stage.expect({ isSo: entry.state !== "rejected", otherwise: `the poison job was rejected: ${entry.detail}` });
    await stage.wait(3_000);
    await stage.stopLoad(); // from now on the scenario only waits: replicas notice each kill a lease later
    await stage.setSizesWhen(
      "the poison job has ended",
      ({ ready, scheduled, leased }) => ready + scheduled + leased === 0,
      10 * (stage.leaseMs + 3_000),
    );
    stage.recovered(performance.now() - startedAt);
    return (rows) => {
      const row = rows.find(({ key }) => key === entry.key);
      stage.expect({
        isSo: row?.status === "failed" && row.code === "lost",
        otherwise: `the poison ended ${row?.status ?? "nowhere"} with ${row?.code ?? "no code"}, not failed with lost`,
      });
      stage.notes.push(`it killed ${(row?.earlier.length ?? 0) + 1} times`);
      const innocent = rows.filter(({ key, status }) => key !== entry.key && status !== "completed");
      stage.expect({ isSo: innocent.length === 0, otherwise: `${innocent.length} other jobs did not complete` });
    };
  },
};

export const hungJob: Scenario = {
  name: "hung-job",
  fault: "handlers that never return, on the main thread and on a pool thread",
  seconds: { full: 10, fast: 1 },
  env: () => ({ IO_SLOTS: "20" }),
  run: async (stage) => {
    await stage.load(60, { noop: 50, webhook: 30, cpu: 10 });
    const hung = [];
    for (let round = 0; round < stage.seconds; round += 1) {
      hung.push(
        await stage.submitSurely({ type: "test_io", payload: { do: "hang" }, timeout_ms: 1_000, max_attempts: 1 }),
      );
      hung.push(
        await stage.submitSurely({ type: "test_cpu", payload: { do: "spin" }, timeout_ms: 1_000, max_attempts: 1 }),
      );
    }
    const startedAt = performance.now();
    await stage.ended(hung);
    await stage.ended([
      await stage.submitSurely({ type: "test_cpu", payload: { do: "return", value: 1 }, priority: 9 }),
    ]);
    stage.recovered(performance.now() - startedAt);
    const ids = new Set(hung.map(({ id }) => id));
    return (rows) => {
      const ended = rows.filter(({ id }) => ids.has(id));
      stage.expect({
        isSo: ended.length === hung.length && ended.every(({ code }) => code === "timeout"),
        otherwise: `hung jobs ended with ${ended.map(({ code }) => code).join(", ")}`,
      });
      const harmed = rows.filter(({ id, status }) => !ids.has(id) && status !== "completed");
      stage.expect({ isSo: harmed.length === 0, otherwise: `${harmed.length} other jobs did not complete` });
    };
  },
};
