/**
 * The definition of a schedule in a request. What readers see of a secret, `"[redacted]"`, stands for the stored secret
 * where it is sent back in its place; elsewhere it is rejected, as it would replace the secret by that word.
 */
import type { Rejection } from "../../../core/body.ts";
import { invalid, parseJson } from "../../../core/body.ts";
import { mergePatch, restored } from "../../../core/json-merge.ts";
import { loadCron } from "../../../core/schedules/cron.ts";
import { type ParsedSchedule, parseSchedule } from "../../../core/schedules/definition.ts";
import { isScheduleName, SCHEDULE_NAME_RULE } from "../../../core/schedules/name.ts";
import type { ValidationIssue } from "../../../core/schema-issues.ts";
import { escapePointer } from "../../../core/schema-issues.ts";
import type { TypeLookup } from "../../../core/submission.ts";
import type { Registry } from "../../../jobs/registry.ts";
import type { ApiDependencies } from "../../dependencies.ts";
import { isJson, isMergePatch } from "../../http/content-type.ts";
import type { Answer, ApiRequest } from "../../http/exchange.ts";
import { problem, problemOfRejection } from "../../http/problem.ts";
import { denialOfJob } from "./job-scopes.ts";
import { shownDefinition } from "./schedule-json.ts";

/** `times` may have 1,000 instants, and a job 32 KiB. */
export const MAX_DEFINITION_BYTES = 128 * 1024;

type ParseDependencies = Pick<ApiDependencies, "queue" | "registry" | "settings">;

const REDACTED = "[redacted]";
const decoder = new TextDecoder();

/** An object in a request. */
export interface BodyObject {
  readonly json: string;
  readonly value: object;
}

/** The text of the body, which is valid before the first await only. */
export function readDefinitionText(
  { body, headers }: Pick<ApiRequest, "body" | "headers">,
  kind: "definition" | "patch",
): BodyObject | { readonly rejected: Answer } {
  if (body.length === 0) return { rejected: problem(400, "body_missing", "The request has no body.") };
  const types = kind === "patch" ? "application/merge-patch+json or application/json" : "application/json";
  if (!(kind === "patch" ? isMergePatch : isJson)(headers.contentType))
    return { rejected: problem(415, "unsupported_media_type", `The Content-Type must be ${types}.`) };
  const read: { readonly value: unknown } | { readonly rejection: Rejection } = parseJson(body);
  if ("rejection" in read) return { rejected: problemOfRejection(read.rejection) };
  if (typeof read.value !== "object" || read.value === null || Array.isArray(read.value))
    return { rejected: problemOfRejection(invalid([{ path: "", message: "expected an object" }]).rejection) };
  return { json: decoder.decode(body), value: read.value };
}

type ParsedDefinition = Exclude<ParsedSchedule, { issues: unknown }>;

/** Whether a definition may repeat what readers see of a secret. */
export function mayRepeat(json: string): boolean {
  return json.includes("redacted") || json.includes("\\u");
}

/** The text of a definition that replaces a stored one, with the secrets that it repeats. */
export function replacing(json: string, stored: string, registry: Registry): string {
  return mayRepeat(json) ? restored(json, stored, shownDefinition(stored, registry)) : json;
}

/** The text of a stored definition after a patch. */
export function patched({ json, value }: BodyObject, stored: string, registry: Registry): string {
  const result = mergePatch(stored, json, shownDefinition(stored, registry));
  const { every_ms, offset_ms } = value as { readonly every_ms?: unknown; readonly offset_ms?: unknown };
  // without its interval, the offset has no meaning
  return every_ms === null && offset_ms === undefined ? mergePatch(result, '{"offset_ms":null}') : result;
}

/** The text of a definition, and the name of its schedule, on which `H` in `cron` depends. */
export interface NamedText {
  readonly name: string;
  readonly json: string;
}

/** Checks a definition for the caller, who must be allowed to submit its job. */
export async function parseDefinition(
  deps: ParseDependencies,
  named: NamedText,
  caller: ApiRequest["caller"],
): Promise<ParsedDefinition | { readonly rejected: Answer }> {
  const parsed = await checkDefinition(deps, named);
  if ("issues" in parsed) return { rejected: problemOfRejection(invalid(parsed.issues).rejection) };
  const denial = denialOfJob(caller, parsed.definition.job, deps.registry);
  return denial ? { rejected: denial } : parsed;
}

/** The definition, or all issues of it and of its name. */
export async function checkDefinition(
  { queue, registry, settings }: ParseDependencies,
  { name, json }: NamedText,
  typeOf: TypeLookup = registry.get,
): Promise<ParsedSchedule> {
  await loadCron();
  const value = JSON.parse(json) as object;
  const rules = { name, now: queue.clock.now(), typeOf, durability: settings.durability };
  const parsed = parseSchedule(value, json, rules);
  const issues: ValidationIssue[] = isScheduleName(name) ? [] : [{ path: "/name", message: SCHEDULE_NAME_RULE }];
  if ("issues" in parsed) issues.push(...parsed.issues);
  issues.push(...issuesOfRedacted(value, json, registry));
  return issues.length > 0 || "issues" in parsed ? { issues } : parsed;
}

/** An issue for each secret that is replaced by the word which readers see. */
function issuesOfRedacted(value: object, json: string, registry: Registry): ValidationIssue[] {
  const { job } = value as { readonly job?: unknown };
  if (!mayRepeat(json) || !isObject(job) || !isObject(job["payload"])) return [];
  // what was sent differs from the word itself, so the word marks the secrets
  const sent = JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === "string" ? inner.replaceAll(REDACTED, "[sent]") : inner,
  );
  const shown = JSON.parse(shownDefinition(sent, registry)) as unknown;
  const issues: ValidationIssue[] = [];
  const compare = (given: unknown, seen: unknown, path: string): void => {
    if (typeof given === "string") {
      if (given.includes(REDACTED) && typeof seen === "string" && seen.includes(REDACTED))
        issues.push({ path, message: "is redacted: send the secret itself" });
    } else if (isObject(given) && isObject(seen)) {
      for (const [name, inner] of Object.entries(given)) compare(inner, seen[name], `${path}/${escapePointer(name)}`);
    }
  };
  compare(value, shown, "");
  return issues;
}

/** Also of an array. */
function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
