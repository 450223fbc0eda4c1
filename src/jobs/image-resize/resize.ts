/** One attempt of `image_resize`. */
import { createHash } from "node:crypto";
import { Type } from "typebox";
import { openArtifactStore } from "../../artifacts/settings.ts";
import type { ArtifactStore } from "../../artifacts/store.ts";
import { at } from "../../core/at.ts";
import { type Outbound, type OutboundSettings, openOutbound } from "../../net/outbound.ts";
import { DEFAULT_MAX_PIXELS, type OnError } from "./decoding.ts";
import { imageError } from "./error-codes.ts";
import { Renderer, type StartProcess } from "./image-process-client.ts";
import type { RenderedVariant } from "./render.ts";
import { digestOf, type KeptOutput, type Made, recall, remember } from "./reuse.ts";
import { type ImageSource, MAX_SOURCE_BYTES, readImage } from "./source.ts";
import { judged } from "./tries.ts";
import type { ImageOutput, Variant } from "./variant.ts";

/** The settings of images, for a type's `settings`. */
export const imageSettings = {
  IMAGE_MAX_PIXELS: Type.Integer({
    default: DEFAULT_MAX_PIXELS,
    minimum: 1,
    maximum: 250_000_000,
    description:
      "The most pixels of an image and of each output, all frames together. An image process takes 4 bytes per pixel, two or three times.",
  }),
};

export type ImageSettings = OutboundSettings &
  Parameters<typeof openArtifactStore>[0] & { readonly IMAGE_MAX_PIXELS: number };

export interface ImageResource {
  readonly store: ArtifactStore;
  readonly outbound: Outbound;
  readonly renderer: Renderer;
  readonly maxPixels: number;
}

export interface ImageTask {
  readonly jobId: string;
  readonly attempt: number;
  readonly source: ImageSource;
  readonly variants: readonly Variant[];
  /** Default: `fail`. */
  readonly onError?: OnError | undefined;
  /** The state that an earlier attempt saved (tries.ts). */
  readonly state?: unknown;
}

export interface ImageResult {
  /** The first output, as the payload of another job refers to it. */
  readonly artifact_ref: string;
  readonly outputs: readonly ImageOutput[];
  /** Whether the files were copied from an earlier job with the same source and variants. */
  readonly reused: boolean;
  /** Set if the source is damaged and the outputs show only the part that could be decoded. */
  readonly truncated?: true;
}

/** Opens the resource that attempts use. */
export async function openImageResource(settings: ImageSettings, startProcess: StartProcess): Promise<ImageResource> {
  return {
    store: await openArtifactStore(settings),
    outbound: openOutbound(settings),
    renderer: new Renderer(startProcess),
    maxPixels: settings.IMAGE_MAX_PIXELS,
  };
}

/** Closes what {@link openImageResource} opened. */
export async function closeImageResource({ outbound, renderer }: ImageResource): Promise<void> {
  renderer.close();
  await outbound.close();
}

/**
 * Reads the source and writes an artifact for each variant.
 * @param progress called with a percentage after each variant, if there are several
 * @throws {PermanentError | RetryableError | RetryAfterError} as {@link readImage}, {@link Renderer.render} and the
 * store do
 */
export async function resizeImage(
  task: ImageTask,
  resource: ImageResource,
  signal: AbortSignal,
  progress: (percent: number) => void,
): Promise<ImageResult> {
  const { source, variants, onError = "fail", state } = task;
  const bytes = await readImage(source, resource.store, resource.outbound, signal);
  const watermarks = await readWatermarks(variants, resource, signal);
  const options = { maxPixels: resource.maxPixels, onError };
  const digest = digestOf(bytes, variants, watermarks, options);
  const kept = await recall(resource.store, digest, task);
  const render = () =>
    write(task, resource.store, digest, resource.renderer.render(bytes, variants, watermarks, options), progress);
  const made =
    kept ??
    (await render().catch((thrown: unknown) => {
      throw judged(thrown, state);
    }));
  const refOf = (artifact: string): string => `${task.jobId}/${artifact}`;
  const outputs = made.outputs.map(({ artifact, format, width, height, bytes: length }) => ({
    artifact,
    artifact_ref: refOf(artifact),
    format,
    width,
    height,
    bytes: length,
  }));
  return {
    artifact_ref: at(outputs, 0).artifact_ref,
    outputs,
    reused: kept !== undefined,
    ...(made.truncated && { truncated: true }),
  };
}

/**
 * Writes each output while the next one is rendered, because a write is synced to the disk, which takes as long as a
 * small variant. The record for reuse is written with the last output; {@link recall} ignores a record whose files are
 * missing.
 */
async function write(
  task: ImageTask,
  store: ArtifactStore,
  digest: string,
  rendering: AsyncIterable<RenderedVariant>,
  progress: (percent: number) => void,
): Promise<Made> {
  const { jobId, attempt, variants } = task;
  const outputs: KeptOutput[] = [];
  let truncated = false;
  let writing: Promise<unknown> = Promise.resolve();
  const made = (): Made => ({ outputs, ...(truncated && { truncated }) });
  try {
    for await (const { bytes, isTruncated, ...rendered } of rendering) {
      await writing;
      truncated ||= isTruncated;
      const artifact = `image-${outputs.length + 1}.${rendered.format === "jpeg" ? "jpg" : rendered.format}`;
      outputs.push({
        artifact,
        ...rendered,
        bytes: bytes.length,
        sha256: createHash("sha256").update(bytes).digest("hex"),
      });
      const percent = Math.round((100 * outputs.length) / variants.length);
      writing = store
        .write({ jobId, attempt, name: artifact }, bytes)
        .then(() => variants.length > 1 && progress(percent));
      writing.catch(() => undefined); // the error is thrown where it is awaited, once the next output is ready
    }
    await Promise.all([writing, remember(store, digest, { jobId, attempt, ...made() })]);
  } finally {
    await writing;
  }
  return made();
}

/** Reads each watermark once, however many variants use it. Together they may have as many bytes as one image. */
async function readWatermarks(
  variants: readonly Variant[],
  { store, outbound }: ImageResource,
  signal: AbortSignal,
): Promise<Map<string, Buffer>> {
  const references = new Set(variants.flatMap(({ watermark }) => (watermark ? [watermark.artifact] : [])));
  const read = new Map<string, Buffer>();
  let bytes = 0;
  for (const artifact of references) {
    const image = await readImage({ artifact }, store, outbound, signal);
    read.set(artifact, image);
    bytes += image.length;
    if (bytes > MAX_SOURCE_BYTES)
      throw imageError.permanent("image_too_large", `the watermarks have more than ${MAX_SOURCE_BYTES} bytes together`);
  }
  return read;
}
