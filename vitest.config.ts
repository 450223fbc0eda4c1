import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Files that take a minute: started first, so that none of them runs on alone at the end. */
const LONG = ["scripts/chaos/fast.test.ts", "src/main.e2e.test.ts", "src/replica/replica.e2e.test.ts"];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification): boolean => LONG.some((name) => moduleId.endsWith(name));
    const sorted = await super.sort(files);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

/** typebox in one piece, as the build makes it (scripts/build.mjs): its 700 modules cost each test file 0.6 s of CPU. */
const VENDOR = fileURLToPath(new URL("./dist/vendor", import.meta.url));
const bundled = [
  { find: /^typebox$/, replacement: `${VENDOR}/typebox.js` },
  { find: /^typebox\/(\w+)$/, replacement: `${VENDOR}/typebox-$1.js` },
];

/** Tests of functions of their arguments: they leave nothing behind in a process, and share one, which saves 1 s for each file. */
const PURE = [
  "bench/*.test.ts",
  "scripts/loadtest/{mix,report}.test.ts",
  "src/api/access/{allowed-hosts,protected-mode,proxy-headers}.test.ts",
  "src/api/http/{large-bodies,normal-path}.test.ts",
  "src/cli/{terminal,time-option}.test.ts",
  "src/client/{event-stream,retry-delay,submission}.test.ts",
  "src/config/{config,host-names,redis-addr,secret-files,settings-table}.test.ts",
  "src/core/*.test.ts",
  "src/jobs/data-export/{csv-encoder,export-payload,query-text}.test.ts",
  "src/jobs/image-resize/variant-faults.test.ts",
  "src/jobs/webhook/{signature,webhook.payload}.test.ts",
  "src/net/{redirect,retry-after,target}.test.ts",
  "src/observability/{latency-window,metrics,outage,redacted-url}.test.ts",
  "src/postgres/failure.test.ts",
  "src/process/shutdown.test.ts",
  "src/queue/request-buffers.test.ts",
  "src/results/recorder/backlog.test.ts",
];
/** Tests that download, or take minutes: `npm run test:full`. */
const FULL = process.env["TEST_FULL"] === "1" ? [] : ["src/**/*.full.test.ts"];
const LIVE = ["src/**/*.test.ts", "scripts/**/*.test.ts"];

export default defineConfig({
  resolve: { alias: existsSync(VENDOR) ? bundled : [] },
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: "live",
          include: LIVE,
          exclude: [...PURE, ...FULL],
          globalSetup: ["src/testing/global-setup.ts"],
        },
      },
      { extends: true, test: { name: "pure", include: PURE, isolate: false } },
    ],
    server: { deps: { external: [/\/dist\/vendor\//] } },
    pool: "forks", // uWebSockets.js and the child processes of the tests want a process each
    maxWorkers: Math.max(2, availableParallelism() - 1), // many tests wait for clocks: two files at once pay off on two cores
    sequence: { sequencer: LongestFirst },
    testTimeout: 120_000, // for a machine a few times slower than ours; what is waited for has its own limit, and says what it was (until.ts)
    hookTimeout: 120_000,
    coverage: {
      provider: "v8",
      include: ["src/**/*.ts"],
      exclude: ["src/**/*.test.ts", "src/testing/**"],
      reporter: ["text-summary"],
      thresholds: { lines: 95 },
    },
  },
});
