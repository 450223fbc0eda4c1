import { at } from "../../core/at.ts";
import type { ExportPayload } from "./export-payload.ts";

const ROWS = 1_000;
const FORMATS = ["csv", "json", "ndjson"] as const;

let payloads: readonly ExportPayload[] | undefined;

/** The payload of export number `n` of a load test: 1,000 rows, in three alternating formats. */
export function loadExport(n: number): ExportPayload {
  payloads ??= FORMATS.map((format) => ({ format, source: { rows: rows() } }));
  return at(payloads, n % FORMATS.length);
}

function rows(): Record<string, unknown>[] {
  return Array.from({ length: ROWS }, (_, n) => ({
    id: n,
    name: `Customer ${n}`,
    city: n % 2 === 0 ? "Oslo, East" : "Lima",
    balance: n * 1.25,
    active: n % 3 === 0,
  }));
}
