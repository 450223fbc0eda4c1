/** The files of a folder with job types: JavaScript, and TypeScript where Node.js or tsx can run it. */
import { pathToFileURL } from "node:url";
import { codeOf, UsageError } from "../errors.ts";

const DEFINITION = /(?<!\.d|\.test|\.spec)\.m?[jt]s$/;
const TYPESCRIPT = /\.m?ts$/;

/** The ends of the names that are loaded, for a message. */
export const DEFINITION_FILES = "*.js, *.mjs, *.ts or *.mts";

/** Whether a file of the folder defines a job type. Tests and declarations beside the types do not. */
export function isDefinitionFile(name: string): boolean {
  return DEFINITION.test(name);
}

/**
 * Imports a file. Node.js 22.18 and 23.6 remove types by themselves (https://nodejs.org/api/typescript.html); older
 * ones need the package tsx, which takes about 0.3 s more in the process and in each thread.
 * @throws UsageError for TypeScript where neither is there
 */
export async function importDefinitionFile(path: string): Promise<{ readonly default?: unknown }> {
  const { href } = pathToFileURL(path);
  if (!TYPESCRIPT.test(path) || stripsTypes()) return (await import(href)) as { readonly default?: unknown };
  const { tsImport } = await loadTsx(path);
  const module = (await tsImport(href, import.meta.url)) as { readonly default?: unknown };
  return isTranspiledModule(module.default) ? module.default : module;
}

/**
 * Outside a package of `"type": "module"`, tsx makes a CommonJS module of the file, which is the default export of this
 * one.
 */
function isTranspiledModule(exported: unknown): exported is { readonly default?: unknown } {
  return typeof exported === "object" && exported !== null && "__esModule" in exported;
}

function stripsTypes(): boolean {
  const { typescript } = process.features as { readonly typescript?: false | "strip" | "transform" };
  return typescript === "strip" || typescript === "transform";
}

async function loadTsx(path: string): Promise<typeof import("tsx/esm/api")> {
  try {
    return await import("tsx/esm/api");
  } catch (error) {
    if (codeOf(error) !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new UsageError(
      `TASKFLOW_JOBS: ${path} is TypeScript, which Node.js ${process.versions.node} does not run by itself: use Node.js 22.18 or newer, install tsx (npm install tsx), or compile the file to JavaScript.`,
      error,
    );
  }
}
