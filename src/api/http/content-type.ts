import type { BodyKind } from "../../core/body.ts";

const JSON_NAME = "application/json";
const NDJSON_NAMES: readonly string[] = ["application/x-ndjson", "application/ndjson"];

/** Whether a Content-Type is JSON; parameters (`; charset=utf-8`) do not matter, JSON is always UTF-8 (RFC 8259, 8.1). */
export function isJson(contentType: string): boolean {
  return contentType === JSON_NAME || nameOf(contentType) === JSON_NAME;
}

/** How a batch is written; undefined for a Content-Type that is none. */
export function batchKindOf(contentType: string): Exclude<BodyKind, "single"> | undefined {
  if (isJson(contentType)) return "batch";
  return NDJSON_NAMES.includes(nameOf(contentType)) ? "ndjson" : undefined;
}

function nameOf(contentType: string): string {
  return (contentType.split(";", 1)[0] ?? "").trim().toLowerCase();
}
