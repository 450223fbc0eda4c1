import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "scripts/**/*.test.ts", "bench/**/*.test.ts"],
    pool: "forks", // uWebSockets.js and the child processes of the tests want a process each
    maxWorkers: Math.max(2, availableParallelism() - 1), // many tests wait for clocks: two files at once pay off on two cores
    globalSetup: ["src/testing/global-setup.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    coverage: { provider: "v8", include: ["src/**/*.ts"], exclude: ["src/**/*.test.ts", "src/testing/**"], reporter: ["text-summary"], thresholds: { lines: 95 } },
  },
});
