/**
 * The same of the same source is made once. What a job made is noted in the artifact store, under an id and a name
 * that are the digest of the source, the variants, the watermarks and the code. A later job copies the files, checked
 * by their SHA-256, to its own name; so each job's artifacts live and go with that job. A note ages as artifacts do,
 * which bounds them; one whose files are gone counts for nothing, and is written anew.
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
 * To be counted up with each change of what is rendered. sharp's version names that of its libvips; loading them is for
 * the image process alone.
 */
const RENDERER = `4 ${sharpVersion()}`;

export interface KeptOutput extends ImageOutput {
  readonly sha256: string;
}

/** What a job has made of its source. */
export interface Made {
  readonly outputs: readonly KeptOutput[];
  /** Whether the source was damaged. */
  readonly truncated?: boolean;
}

interface Note extends Made {
  readonly jobId: string;
  readonly attempt: number;
}

/** SHA-256 of all that decides what is rendered, in hexadecimal. */
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
  const main = createRequire(import.meta.url).resolve("sharp"); // in a folder of its package
  return (JSON.parse(readFileSync(join(dirname(main), "../package.json"), "utf8")) as { version: string }).version;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * The files of an earlier job, copied to this one, or undefined when there are none, not all of them, or not as they
 * were.
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
    if (sha256 !== output.sha256) return undefined; // what is rendered now takes its place
  }
  return { outputs: note.outputs, ...(note.truncated && { truncated: true }) };
}

/** Notes what a job has made. */
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
