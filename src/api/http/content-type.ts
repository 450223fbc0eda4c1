import { at } from "../../core/at.ts";

const JSON_NAME = "application/json";
const MERGE_PATCH_NAME = "application/merge-patch+json";
const NDJSON_NAMES: readonly string[] = ["application/x-ndjson", "application/ndjson"];

/** Whether a Content-Type is JSON. Parameters such as `charset` are ignored: JSON is always UTF-8 (RFC 8259, 8.1). */
export function isJson(contentType: string): boolean {
  return contentType === JSON_NAME || nameOf(contentType) === JSON_NAME;
}

/** Whether a Content-Type is that of a JSON Merge Patch, or JSON. */
export function isMergePatch(contentType: string): boolean {
  return isJson(contentType) || nameOf(contentType) === MERGE_PATCH_NAME;
}

/** The format of a batch; undefined if the Content-Type is not one of a batch. */
export function batchKindOf(contentType: string): "batch" | "ndjson" | undefined {
  if (isJson(contentType)) return "batch";
  return NDJSON_NAMES.includes(nameOf(contentType)) ? "ndjson" : undefined;
}

function nameOf(contentType: string): string {
  return at(contentType.split(";", 1), 0).trim().toLowerCase();
}
