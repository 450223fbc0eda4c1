/**
 * The job types of this process: the built-in ones, and a deployment's own from the folder that TASKFLOW_JOBS names.
 *
 *   loadDefinitions ──▶ settingsOf ──▶ (the environment is read) ──▶ registryOf
 *
 * The checks of a registry need settings, and the settings need the definitions, so these come first. A thread is given
 * both: it calls loadRegistry. Nothing checks a payload without its settings.
 */
import { readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { TObject, TSchema } from "typebox";
import { Type } from "typebox";
import { BULK_ACTIONS } from "../core/bulk.ts";
import type { AnyJobDefinition, PayloadIssue } from "../core/job-type.ts";
import { memberText } from "../core/json-span.ts";
import { type Redact, redactionOf, redactWhole } from "../core/redaction.ts";
import { compileValidator } from "../core/validator.ts";
import { messageOf, StartError, UsageError } from "../errors.ts";
import batchResults from "./batch-results/batch-results.ts";
import { bulkJob } from "./bulk/bulk-job.ts";
import dataExport from "./data-export/data-export.ts";
import { DEFINITION_FILES, importDefinitionFile, isDefinitionFile } from "./definition-file.ts";
import email from "./email/email.ts";
import imageResize from "./image-resize/image-resize.ts";
import rerun from "./replay/replay.ts";
import scheduleBackfill from "./schedule-backfill/schedule-backfill.ts";
import * as sdk from "./sdk.ts";
import webhook from "./webhook/webhook.ts";

export const BUILT_IN = "built in";

/** The types that come with TaskFlow. To add one, write its folder and name it here. */
export const builtInTypes: readonly AnyJobDefinition[] = [
  ...[email, webhook, imageResize, dataExport, rerun, scheduleBackfill, batchResults],
  ...BULK_ACTIONS.map(bulkJob),
];

export interface JobType {
  readonly type: string;
  readonly definition: AnyJobDefinition;
  /** The file that defines it, or {@link BUILT_IN}. */
  readonly source: string;
  /** Bodies up to this many bytes are accepted for this type, even if MAX_BODY_BYTES is less; 0 for MAX_BODY_BYTES. */
  readonly maxBodyBytes: number;
  /** Whether a payload may hold text that must not be shown, such as a credential or a URL. */
  readonly hidesSecrets: boolean;
  readonly redact: Redact;
  /**
   * All issues of a payload, each once, with JSON pointers into the payload.
   * @param submissionJson the text of the submission that the payload is of; absent for a payload that was not
   * submitted as text
   */
  issuesOf(payload: unknown, submissionJson?: string): readonly PayloadIssue[];
}

export interface Registry {
  readonly types: readonly JobType[];
  readonly get: (type: string) => JobType | undefined;
  /** Replaces the secrets in the JSON text of a payload. */
  readonly redactPayload: (payload: string, type: string) => string;
}

/** The values of the types' settings; one that is missing has its default. */
export type TypeSettings = Readonly<Record<string, unknown>>;

type JobSdk = typeof sdk;

export interface LoadedDefinition {
  /** Where it comes from, for a message. */
  readonly source: string;
  readonly definition: AnyJobDefinition;
}

export interface JobsFolder {
  /** A folder whose *.js, *.mjs, *.ts and *.mts files define further types. */
  readonly jobsDir?: string | undefined;
}

/**
 * Loads the definitions of all job types.
 * @throws StartError that names the file, or the type, and what is wrong with it
 */
export async function loadDefinitions({ jobsDir = "" }: JobsFolder = {}): Promise<LoadedDefinition[]> {
  const builtIn = builtInTypes.map((definition) => ({ source: BUILT_IN, definition }));
  const loaded = [...builtIn, ...(jobsDir === "" ? [] : await loadFolder(resolve(jobsDir)))];
  assertDefinitions(loaded);
  return loaded;
}

/** The settings of all types, each a table of environment variables. */
export function settingsOf(loaded: readonly LoadedDefinition[]): TObject[] {
  return loaded.flatMap(({ definition }) =>
    definition.settings === undefined ? [] : [definition.settings as TObject],
  );
}

/**
 * Loads all job types, ready to check payloads. @throws StartError as {@link loadDefinitions} and {@link registryOf} do
 */
export async function loadRegistry({
  jobsDir,
  settings,
}: JobsFolder & { readonly settings: TypeSettings }): Promise<Registry> {
  return registryOf(await loadDefinitions({ jobsDir }), settings);
}

/** A registry of these types. @throws StartError for a definition that is not in order, or a name that two have */
export function registryOf(loaded: readonly LoadedDefinition[], settings: TypeSettings): Registry {
  assertDefinitions(loaded);
  const types = new Map(loaded.map((each) => [each.definition.type, compile(each, settings)]));
  return {
    types: [...types.values()],
    get: (type) => types.get(type),
    redactPayload: (payload, type) => (types.get(type)?.redact ?? redactWhole)(payload),
  };
}

function assertDefinitions(loaded: readonly LoadedDefinition[]): void {
  const names = new Set<string>();
  for (const { source, definition } of loaded) {
    const issue = issueOfDefinition(definition);
    if (issue !== undefined) throw new StartError(`${source}: ${issue}`);
    if (names.has(definition.type))
      throw new StartError(`${source}: there is another job type named ${definition.type}`);
    names.add(definition.type);
  }
}

async function loadFolder(folder: string): Promise<LoadedDefinition[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    throw new UsageError(`TASKFLOW_JOBS: the folder ${folder} cannot be read: ${messageOf(error)}`, error);
  });
  const files = names.filter(isDefinitionFile).sort();
  if (files.length === 0) throw new UsageError(`TASKFLOW_JOBS: the folder ${folder} has no ${DEFINITION_FILES} file`);
  const loaded: LoadedDefinition[] = [];
  for (const name of files) {
    const source = join(folder, name);
    try {
      const module = await importDefinitionFile(source);
      const exported = module.default;
      const definition: unknown =
        typeof exported === "function" ? await (exported as (jobSdk: JobSdk) => unknown)(sdk) : exported;
      loaded.push({ source, definition: definition as AnyJobDefinition }); // checked by issueOfDefinition
    } catch (error) {
      if (error instanceof UsageError) throw error;
      throw new StartError(`${source}: cannot be loaded: ${messageOf(error)}`, error);
    }
  }
  return loaded;
}

const shape = compileValidator(
  Type.Object({
    type: Type.String({
      pattern: "^[a-z][a-z0-9_]{0,63}$",
      expected: "a name of up to 64 lower-case letters, digits and _, beginning with a letter",
    }),
    description: Type.Optional(Type.String({ minLength: 1, maxLength: 1_000 })),
    lane: Type.Enum(["io", "cpu"]),
    payload: Type.Object({ type: Type.Literal("object"), properties: Type.Object({}) }),
    result: Type.Optional(Type.Object({})),
    errors: Type.Optional(Type.Record(Type.String(), Type.String())),
    settings: Type.Optional(Type.Object({ type: Type.Literal("object"), properties: Type.Object({}) })),
    attempts: Type.Integer({ minimum: 1, maximum: 25 }),
    timeoutMs: Type.Integer({ minimum: 1 }),
    backoff: Type.Object({
      kind: Type.Enum(["exponential", "fixed"]),
      base_ms: Type.Number({ minimum: 0 }),
      max_ms: Type.Number({ minimum: 0 }),
    }),
    maxBodyBytes: Type.Optional(Type.Integer({ minimum: 1 })),
  }),
);
const FUNCTIONS = ["check", "checkHere", "needsRead", "timeoutMsOf", "open", "close", "run"] as const;

/** What is wrong with a definition, in one clause. */
function issueOfDefinition(definition: unknown): string | undefined {
  if (typeof definition !== "object" || definition === null) return "the default export is not a job definition";
  if (!shape.isValid(definition))
    return shape
      .issuesOf(definition)
      .map(({ path, message }) => `${path.slice(1)} ${message}`)
      .join("; ");
  const functions = definition as Partial<Record<(typeof FUNCTIONS)[number], unknown>>;
  const wrong = FUNCTIONS.find(
    (name) => typeof functions[name] !== "function" && (name === "run" || functions[name] !== undefined),
  );
  if (wrong !== undefined) return `${wrong} expected a function`;
  const { tasks = {} } = definition as { readonly tasks?: Readonly<Record<string, unknown>> };
  const task = Object.keys(tasks).find((name) => typeof tasks[name] !== "function");
  return task && `tasks/${task} expected a function`;
}

function compile({ source, definition }: LoadedDefinition, given: TypeSettings): JobType {
  const schema = definition.payload as TObject;
  const defaults = Object.fromEntries(
    Object.entries(propertiesOf(definition)).map(([name, { default: value }]) => [name, value]),
  );
  const settings = { ...defaults, ...given };
  const { check, checkHere } = definition;
  const hasChecks = check !== undefined || checkHere !== undefined;
  try {
    const { isValid, issuesOf } = compileValidator(schema);
    return {
      type: definition.type,
      definition,
      source,
      maxBodyBytes: definition.maxBodyBytes ?? 0,
      hidesSecrets: hidesSecrets(schema),
      redact: redactionOf(schema),
      issuesOf: (payload, submissionJson) =>
        isValid(payload)
          ? hasChecks
            ? [
                ...(check?.(payload) ?? NONE),
                ...(checkHere?.(payload, settings, () => payloadJson(payload, submissionJson)) ?? NONE),
              ]
            : NONE
          : issuesOf(payload),
    };
  } catch (error) {
    throw new StartError(`${source}: its payload schema cannot be compiled: ${messageOf(error)}`, error);
  }
}

function payloadJson(payload: object, submissionJson: string | undefined): string {
  return (submissionJson && memberText(submissionJson, "payload")) ?? JSON.stringify(payload);
}

function propertiesOf({ settings }: AnyJobDefinition): Readonly<Record<string, { readonly default?: unknown }>> {
  return (settings as TObject | undefined)?.properties ?? {};
}

const NONE: readonly PayloadIssue[] = [];

const WITHOUT_TEXT = new Set(["number", "integer", "boolean", "null"]);

/** Unnamed fields and free text may hold anything. */
function hidesSecrets(schema: TSchema): boolean {
  const { type, properties, additionalProperties } = schema as {
    readonly type?: string;
    readonly properties?: Readonly<Record<string, TSchema>>;
    readonly additionalProperties?: unknown;
  };
  if (type === "object" && properties !== undefined && additionalProperties === false)
    return Object.values(properties).some(hidesSecrets);
  return type === undefined || !WITHOUT_TEXT.has(type);
}
