import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { pureTests } from "./src/testing/pure-tests.ts";

/** Files that take a minute: started first, so that none of them runs on alone at the end. */
const LONG = ["scripts/chaos/fast.test.ts", "src/main.e2e.test.ts", "src/replica/replica.e2e.test.ts"];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification): boolean => LONG.some((name) => moduleId.endsWith(name));
    const sorted = await super.sort(files);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

/** typebox in one piece, from the last build (scripts/build.mjs): its 700 modules cost each test file 0.6 s of CPU. */
const VENDOR = fileURLToPath(new URL("./dist/vendor", import.meta.url));
const bundled = [
  { find: /^typebox$/, replacement: `${VENDOR}/typebox.js` },
  { find: /^typebox\/(\w+)$/, replacement: `${VENDOR}/typebox-$1.js` },
];

const ROOT = fileURLToPath(new URL(".", import.meta.url));
/** They share one process, which saves 1 s for each file, and need neither services nor dist/. */
const PURE = pureTests(ROOT, ["src", "scripts", "bench"]);
/** Tests that download, or take minutes: `npm run test:full`. Both projects leave them out. */
const FULL = process.env["TEST_FULL"] === "1" ? [] : ["**/*.full.test.ts"];
const TESTS = ["src/**/*.test.ts", "scripts/**/*.test.ts", "bench/**/*.test.ts"];

export default defineConfig({
  resolve: { alias: existsSync(VENDOR) ? bundled : [] },
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: "live",
          include: TESTS,
          exclude: [...PURE, ...FULL],
          // On shared cores a process may stall for seconds. The report names each test that needed its second try,
          // and such a test is to be mended.
          retry: 1,
          globalSetup: ["src/testing/global-setup.ts"],
        },
      },
      { extends: true, test: { name: "pure", include: PURE, exclude: FULL, isolate: false } },
    ],
    server: { deps: { external: [/\/dist\/vendor\//] } },
    pool: "forks", // uWebSockets.js and the tests' child processes need a process for each file
    // many tests wait for clocks, so two files at once are quicker even on two cores
    maxWorkers: Math.max(2, availableParallelism() - 1),
    sequence: { sequencer: LongestFirst },
    // for a machine a few times slower than ours; until() has a shorter limit, and names what it waited for
    testTimeout: 120_000,
    hookTimeout: 120_000,
    coverage: {
      provider: "v8",
      include: ["src/**/*.ts"],
      // the dashboard's tests run it in a browser, where v8 does not count
      exclude: ["src/**/*.test.ts", "src/testing/**", "src/dashboard/**"],
      reporter: ["text-summary"],
      thresholds: { lines: 95 },
    },
  },
});
