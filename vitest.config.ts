import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
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

/** typebox in one piece, as the build makes it (scripts/build.mjs): its 700 modules cost each test file 0.6 s of CPU. */
const VENDOR = fileURLToPath(new URL("./dist/vendor", import.meta.url));
const bundled = [{ find: /^typebox$/, replacement: `${VENDOR}/typebox.js` }, { find: /^typebox\/(\w+)$/, replacement: `${VENDOR}/typebox-$1.js` }];

export default defineConfig({
  resolve: { alias: existsSync(VENDOR) ? bundled : [] },
  test: {
    server: { deps: { external: [/\/dist\/vendor\//] } },
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
