/** Submissions of the largest size that each type accepts. Their text repeats, so Postgres can compress it. */
import type { Submission } from "./client.ts";

export const MIB = 1024 * 1024;
/** A generous size for the body without its payload. */
const ROOM_BYTES = 4_096;

/** Base64 with this many characters. */
function base64Of(characters: number): string {
  return "QUFB".repeat(Math.floor(characters / 4));
}

export function largeEmail(key: string, bytes: number): Submission {
  const attachments = [{ filename: "large.bin", base64: base64Of(bytes - ROOM_BYTES) }];
  return {
    type: "email",
    payload: { to: "you@example.org", subject: key, body: "See the attachment.", attachments },
    tags: [key],
  };
}

/** Not an image: the job fails when it first reads the bytes, so only their size has a cost. */
export function largeImage(key: string, bytes: number): Submission {
  return {
    type: "image_resize",
    payload: { source: { base64: base64Of(bytes - ROOM_BYTES) }, width: 64 },
    tags: [key],
  };
}

export function largeExport(key: string, bytes: number): Submission {
  const row = { id: 1, name: "a name as there are many", note: "x".repeat(900) };
  const rows = new Array(Math.floor((bytes - ROOM_BYTES) / (JSON.stringify(row).length + 1))).fill(row);
  return { type: "data_export", payload: { format: "csv", source: { rows }, gzip: true }, tags: [key] };
}

/** A webhook of at most 1 MiB, which is the default of all types. */
export function largeWebhook(key: string, url: string): Submission {
  return { type: "webhook", payload: { url, body: { text: "x".repeat(MIB - ROOM_BYTES) } }, tags: [key] };
}

/** A job of a deployment's own type, as large as MAX_BODY_BYTES allows, that runs for the given time. */
export function largeCustom(key: string, ms: number): Submission {
  return { type: "test_io", payload: { do: "sleep", ms, text: "x".repeat(MIB - ROOM_BYTES) }, tags: [key] };
}
