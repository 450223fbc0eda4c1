/**
 * Reuses the results for the same source and variants. The artifact store has a record of each job's outputs, under an
 * id and a name derived from the digest of the source, the variants, the watermarks and the code. A later job copies
 * the files, verified by their SHA-256, as its own artifacts, so each job's artifacts expire with that job. Records
 * expire like artifacts, which bounds their number; a record whose files are gone is ignored, and then replaced.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import type { ArtifactKey } from "../../artifacts/key.ts";
import type { ArtifactStore } from "../../artifacts/store.ts";
import type { ReadOptions } from "./decoding.ts";
import type { ImageOutput, Variant } from "./variant.ts";

/**
 * Increase the number with each change of the rendering. sharp's version also identifies its libvips; only the image
 * process loads them.
 */
const RENDERER = `4 ${sharpVersion()}`;

export interface KeptOutput extends Omit<ImageOutput, "artifact_ref"> {
  readonly sha256: string;
}

/** The outputs of a job. */
export interface Made {
  readonly outputs: readonly KeptOutput[];
  /** Whether the source was damaged. */
  readonly truncated?: boolean;
}

interface Note extends Made {
  readonly jobId: string;
  readonly attempt: number;
}

/** The SHA-256, in hexadecimal, of everything that decides the result. */
export function digestOf(
  source: Buffer,
  variants: readonly Variant[],
  watermarks: ReadonlyMap<string, Buffer>,
  options: ReadOptions,
): string {
  const sorted = (_: string, value: unknown): unknown =>
    isRecord(value) ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) : value;
  const hashes = [source, ...watermarks.values()].map((bytes) => createHash("sha256").update(bytes).digest("hex"));
  const asked = variants.map(({ watermark, ...variant }) => ({
    ...variant,
    ...(watermark && { watermark: { ...watermark, artifact: [...watermarks.keys()].indexOf(watermark.artifact) } }),
  }));
  return createHash("sha256")
    .update(JSON.stringify([RENDERER, hashes, asked, options], sorted))
    .digest("hex");
}

function sharpVersion(): string {
  const main = createRequire(import.meta.url).resolve("sharp"); // a file in a folder of the package
  return (JSON.parse(readFileSync(join(dirname(main), "../package.json"), "utf8")) as { version: string }).version;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Copies the files of an earlier job to this one; undefined if there is no such job, or a file is missing or changed.
 */
export async function recall(
  store: ArtifactStore,
  digest: string,
  { jobId, attempt }: { readonly jobId: string; readonly attempt: number },
): Promise<Made | undefined> {
  const note = await readNote(store, digest);
  if (note === undefined) return undefined;
  for (const output of note.outputs) {
    const stored = await store.open({ jobId: note.jobId, attempt: note.attempt, name: output.artifact });
    if (stored?.bytes !== output.bytes) return undefined;
    if (note.jobId === jobId && note.attempt === attempt) continue;
    const { sha256 } = await store.write({ jobId, attempt, name: output.artifact }, stored.read());
    if (sha256 !== output.sha256) return undefined; // the new rendering overwrites this file
  }
  return { outputs: note.outputs, ...(note.truncated && { truncated: true }) };
}

/** Records a job's outputs for reuse. */
export async function remember(store: ArtifactStore, digest: string, note: Note): Promise<void> {
  await store.write(noteKey(digest), Buffer.from(JSON.stringify(note)));
}

async function readNote(store: ArtifactStore, digest: string): Promise<Note | undefined> {
  const stored = await store.open(noteKey(digest));
  return stored && (JSON.parse(await text(stored.read())) as Note); // written whole or not at all
}

function noteKey(digest: string): ArtifactKey {
  const jobId = digest.slice(0, 32).replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
  return { jobId, attempt: 1, name: `${digest.slice(32)}.json` };
}
