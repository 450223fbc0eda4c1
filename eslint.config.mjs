import js from "@eslint/js";
import tseslint from "typescript-eslint";

/** Files and functions over the limits of length; the aim is that this list becomes empty. */
const TOO_LONG = {
  "max-lines": ["src/execute/executor.test.ts", "src/queue/destinations.test.ts", "src/replica/replica.e2e.test.ts"],
  "max-lines-per-function": [
    "src/api/http/request-head.ts",
    "src/api/routes.ts",
    "src/core/settle.ts",
    "src/observability/metrics.ts",
    "src/queue/queue.ts",
    "src/replica/replica.ts",
    "src/replica/submission-pipeline.ts",
    "src/replica/worker-parts.ts",
    "src/testing/api-server.ts",
  ],
};

const shared = {
  "no-console": "error",
  "no-duplicate-imports": ["error", { allowSeparateTypeImports: true }],
  "max-lines": ["error", { max: 300, skipBlankLines: true }],
  "max-lines-per-function": ["error", { max: 60, skipBlankLines: true }],
};

export default tseslint.config(
  { ignores: ["dist", "dist.new", "dist.old", "coverage", "data", ".cache"] },
  {
    files: ["**/*.mjs"],
    extends: [js.configs.recommended],
    languageOptions: {
      globals: Object.fromEntries(Object.getOwnPropertyNames(globalThis).map((name) => [name, "readonly"])),
    },
    rules: shared,
  },
  {
    files: ["**/*.ts", "**/*.tsx", "**/*.cts"],
    extends: [...tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      ...shared,
      "@typescript-eslint/consistent-type-imports": ["error", { disallowTypeAnnotations: false }],
      "@typescript-eslint/no-floating-promises": ["error", { ignoreVoid: false }],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      "@typescript-eslint/no-unnecessary-condition": ["error", { allowConstantLoopConditions: true }],
    },
  },
  { files: ["**/*.test.ts", "src/testing/dashboard-story.ts"], rules: { "max-lines-per-function": "off" } },
  // programs that report on their standard output
  { files: ["bench/competitors/*.mjs"], rules: { "no-console": "off" } },
  { files: ["src/client/contract.ts"], rules: { "max-lines": "off" } }, // generated
  { files: ["src/client/taskflow.ts"], rules: { "max-lines": "off" } }, // a short method for each call of the API
  ...Object.entries(TOO_LONG).map(([rule, files]) => ({ files, rules: { [rule]: "off" } })),
);
