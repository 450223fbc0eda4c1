import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Files that take a minute: started first, so that none of them runs on alone at the end. */
const LONG = ["scripts/chaos/fast.test.ts", "src/main.e2e.test.ts", "src/replica/system.e2e.test.ts"];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification): boolean => LONG.some((name) => moduleId.endsWith(name));
    const sorted = await super.sort(files);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "scripts/**/*.test.ts", "bench/**/*.test.ts"],
    pool: "forks", // uWebSockets.js and the child processes of the tests want a process each
    maxWorkers: Math.max(2, availableParallelism() - 1), // many tests wait for clocks: two files at once pay off on two cores
    sequence: { sequencer: LongestFirst },
    globalSetup: ["src/testing/global-setup.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    coverage: { provider: "v8", include: ["src/**/*.ts"], exclude: ["src/**/*.test.ts", "src/testing/**"], reporter: ["text-summary"], thresholds: { lines: 95 } },
  },
});
