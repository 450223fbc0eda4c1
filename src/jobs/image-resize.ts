/** Job type `image_resize`: one image in, up to ten resized outputs as artifacts. */
import { Type, type Static } from "typebox";
import { artifactSettings, openArtifactStore } from "../artifacts/settings.ts";
import type { ArtifactStore } from "../artifacts/store.ts";
import { defineJob, exponential, type AttemptContext, type PayloadFault } from "../core/job-type.ts";
import type { Image } from "../images/image.ts";
import { imageSource, readImage } from "../images/source.ts";
import { variantFaults } from "../images/variant-faults.ts";
import { variantFields, variantSchema, type OutputFormat, type Variant } from "../images/variant.ts";
import { openOutbound, outboundSettings, type Outbound, type OutboundSettings } from "../net/outbound.ts";
import { urlFault } from "../net/target.ts";

/** 8 × 8 pixels. */
const EXAMPLE_PNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAACXBIWXMAAAPoAAAD6AG1e1JrAAAAEUlEQVQImWMwXlWOFTEMLQkAJbdVAbuCg2sAAAAASUVORK5CYII=";

const payloadSchema = Type.Object(
  {
    source: imageSource,
    ...variantFields,
    variants: Type.Optional(
      Type.Array(variantSchema, {
        minItems: 1,
        maxItems: 10,
        description: "Several outputs, in place of the one that the fields beside it describe.",
      }),
    ),
  },
  {
    additionalProperties: false,
    examples: [
      {
        source: { base64: EXAMPLE_PNG },
        width: 4,
        format: "jpeg",
        quality: 85,
      },
      { source: { base64: EXAMPLE_PNG }, variants: [{ width: 16, height: 9, fit: "contain", format: "webp" }, { height: 4 }] },
    ],
  },
);

type Payload = Static<typeof payloadSchema>;

interface Tool {
  readonly store: ArtifactStore;
  readonly outbound: Outbound;
  /** Loaded where images are made, and nowhere else: libvips takes its time and memory. */
  readonly images: typeof import("../images/image.ts") & typeof import("../images/render.ts");
}

interface ImageOutput {
  /** The name of the artifact: `image-1.jpg`, counted from 1 in the order of the variants. */
  readonly artifact: string;
  readonly format: OutputFormat;
  readonly width: number;
  readonly height: number;
  readonly bytes: number;
}

export default defineJob({
  type: "image_resize",
  lane: "cpu",
  payload: payloadSchema,
  check: faultsOf,
  settings: Type.Object({ ...artifactSettings, ...outboundSettings }),
  result: Type.Object({
    outputs: Type.Array(Type.Object({ artifact: Type.String(), format: Type.String(), width: Type.Integer(), height: Type.Integer(), bytes: Type.Integer() })),
  }),
  attempts: 3,
  timeoutMs: 120_000,
  backoff: exponential(1_000, 600_000),
  maxBodyBytes: 16_777_216,
  open,
  close: ({ outbound }) => outbound.close(),
  run: resize,
});

async function open(settings: OutboundSettings & { readonly ARTIFACTS_DIR: string }): Promise<Tool> {
  const images = { ...(await import("../images/image.ts")), ...(await import("../images/render.ts")) };
  images.prepareSharp();
  return { store: await openArtifactStore(settings), outbound: openOutbound(settings), images };
}

async function resize(payload: Payload, { jobId, attempt, tool, signal, progress }: AttemptContext<Tool>): Promise<{ outputs: ImageOutput[] }> {
  const { source, variants: several, ...single } = payload;
  const variants: readonly Variant[] = several ?? [single];
  const image = await tool.images.openImage(await readImage(source, tool.store, tool.outbound, signal));
  const outputs: ImageOutput[] = [];
  for await (const { bytes, ...rendered } of tool.images.renderVariants(image, variants, await openWatermarks(variants, tool, signal))) {
    const name = `image-${outputs.length + 1}.${rendered.format === "jpeg" ? "jpg" : rendered.format}`;
    await tool.store.write({ jobId, attempt, name }, bytes);
    outputs.push({ artifact: name, ...rendered, bytes: bytes.length });
    if (variants.length > 1) progress(Math.round((100 * outputs.length) / variants.length));
  }
  return { outputs };
}

/** Each watermark once, however many variants bear it. */
async function openWatermarks(variants: readonly Variant[], { images, store, outbound }: Tool, signal: AbortSignal): Promise<Map<string, Image>> {
  const references = new Set(variants.flatMap(({ watermark }) => (watermark ? [watermark.artifact] : [])));
  const opened = new Map<string, Image>();
  for (const artifact of references) opened.set(artifact, await images.openImage(await readImage({ artifact }, store, outbound, signal)));
  return opened;
}

function faultsOf(payload: Payload): PayloadFault[] {
  const { source, variants, ...variant } = payload;
  const fault = "url" in source ? urlFault(source.url) : undefined;
  const faults: PayloadFault[] = fault === undefined ? [] : [{ path: "/source/url", message: fault }];
  if (variants === undefined) return [...faults, ...variantFaults(variant, "")];
  for (const field of Object.keys(variant)) faults.push({ path: `/${field}`, message: "must not be given beside variants" });
  return [...faults, ...variants.flatMap((each, i) => variantFaults(each, `/variants/${i}`))];
}
