/** One attempt of `image_resize`. */
import { createHash } from "node:crypto";
import { openArtifactStore } from "../artifacts/settings.ts";
import type { ArtifactStore } from "../artifacts/store.ts";
import { PermanentError } from "../core/job-type.ts";
import { openOutbound, type Outbound, type OutboundSettings } from "../net/outbound.ts";
import { Renderer, type StartProcess } from "./renderer.ts";
import type { RenderedVariant } from "./render.ts";
import { digestOf, recall, remember, type KeptOutput } from "./reuse.ts";
import { MAX_SOURCE_BYTES, readImage, type ImageSource } from "./source.ts";
import { judged } from "./tries.ts";
import type { OutputFormat, Variant } from "./variant.ts";

export type ImageSettings = OutboundSettings & Parameters<typeof openArtifactStore>[0];

export interface ImageTool {
  readonly store: ArtifactStore;
  readonly outbound: Outbound;
  readonly renderer: Renderer;
}

export interface ImageTask {
  readonly jobId: string;
  readonly attempt: number;
  readonly source: ImageSource;
  readonly variants: readonly Variant[];
  /** What an earlier attempt left (tries.ts). */
  readonly state?: unknown;
}

export interface ImageOutput {
  /** The name of the artifact: `image-1.jpg`, counted from 1 in the order of the variants. */
  readonly artifact: string;
  readonly format: OutputFormat;
  readonly width: number;
  readonly height: number;
  readonly bytes: number;
}

export interface ImageResult {
  readonly outputs: readonly ImageOutput[];
  /** Whether an earlier job had made the same of the same source, so that its files were copied. */
  readonly reused: boolean;
}

/** Makes what an attempt needs. */
export async function openImageTool(settings: ImageSettings, startProcess: StartProcess): Promise<ImageTool> {
  return { store: await openArtifactStore(settings), outbound: openOutbound(settings), renderer: new Renderer(startProcess) };
}

/** Closes what {@link openImageTool} made. */
export async function closeImageTool({ outbound, renderer }: ImageTool): Promise<void> {
  renderer.close();
  await outbound.close();
}

/**
 * Reads the source and writes an artifact for each variant.
 * @param progress is told after each of several variants, in per cent
 * @throws {PermanentError | RetryableError | RetryAfterError} as {@link readImage}, {@link Renderer.render} and the store do
 */
export async function resizeImage(task: ImageTask, tool: ImageTool, signal: AbortSignal, progress: (percent: number) => void): Promise<ImageResult> {
  const { source, variants, state } = task;
  const bytes = await readImage(source, tool.store, tool.outbound, signal);
  const watermarks = await readWatermarks(variants, tool, signal);
  const digest = digestOf(bytes, variants, watermarks);
  const kept = await recall(tool.store, digest, task);
  const outputs = kept ?? (await write(task, tool.store, digest, tool.renderer.render(bytes, variants, watermarks), progress).catch((thrown: unknown) => { throw judged(thrown, state); }));
  return { outputs: outputs.map(({ artifact, format, width, height, bytes: length }) => ({ artifact, format, width, height, bytes: length })), reused: kept !== undefined };
}

/**
 * Writes each output while the next is rendered, and with the last one the note of them all: a write is synced to the
 * disk, which takes as long as a small variant. A note whose files came not to be counts for nothing.
 */
async function write(task: ImageTask, store: ArtifactStore, digest: string, rendering: AsyncIterable<RenderedVariant>, progress: (percent: number) => void): Promise<KeptOutput[]> {
  const { jobId, attempt, variants } = task;
  const outputs: KeptOutput[] = [];
  let writing: Promise<unknown> = Promise.resolve();
  try {
    for await (const { bytes, ...rendered } of rendering) {
      await writing;
      const artifact = `image-${outputs.length + 1}.${rendered.format === "jpeg" ? "jpg" : rendered.format}`;
      outputs.push({ artifact, ...rendered, bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") });
      const percent = Math.round((100 * outputs.length) / variants.length);
      writing = store.write({ jobId, attempt, name: artifact }, bytes).then(() => variants.length > 1 && progress(percent));
      writing.catch(() => undefined); // heard of where it is awaited, once the next is there
    }
    await Promise.all([writing, remember(store, digest, { jobId, attempt, outputs })]);
  } finally {
    await writing;
  }
  return outputs;
}

/** Each watermark once, however many variants bear it. Together they may have as many bytes as one image. */
async function readWatermarks(variants: readonly Variant[], { store, outbound }: ImageTool, signal: AbortSignal): Promise<Map<string, Buffer>> {
  const references = new Set(variants.flatMap(({ watermark }) => (watermark ? [watermark.artifact] : [])));
  const read = new Map<string, Buffer>();
  let bytes = 0;
  for (const artifact of references) {
    const mark = await readImage({ artifact }, store, outbound, signal);
    read.set(artifact, mark);
    bytes += mark.length;
    if (bytes > MAX_SOURCE_BYTES) throw new PermanentError(`the watermarks have more than ${MAX_SOURCE_BYTES} bytes together`, { code: "image_too_large" });
  }
  return read;
}
