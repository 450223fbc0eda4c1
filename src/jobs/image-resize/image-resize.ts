/** Job type `image_resize`: one image in, up to ten resized outputs as artifacts. */
import { type Static, Type } from "typebox";
import { artifactSettings } from "../../artifacts/settings.ts";
import { defineJob, exponential, type PayloadIssue, type Services } from "../../core/job-type.ts";
import { outboundSettings } from "../../net/outbound.ts";
import { urlIssue } from "../../net/target.ts";
import { imageErrors } from "./error-codes.ts";
import {
  closeImageResource,
  type ImageResource,
  type ImageSettings,
  imageSettings,
  openImageResource,
  resizeImage,
} from "./resize.ts";
import { imageSource } from "./source.ts";
import { type Variant, variantFields, variantSchema } from "./variant.ts";
import { variantIssues, variantSizeIssues } from "./variant-issues.ts";

/** 8 × 8 pixels. */
const EXAMPLE_PNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAACXBIWXMAAAPoAAAD6AG1e1JrAAAAEUlEQVQImWMwXlWOFTEMLQkAJbdVAbuCg2sAAAAASUVORK5CYII=";

const payloadSchema = Type.Object(
  {
    source: imageSource,
    on_error: Type.Optional(
      Type.Enum(["fail", "truncate"], {
        description:
          "`truncate` accepts a damaged image as far as it can be decoded, and sets `truncated` in the result. Default fail.",
      }),
    ),
    ...variantFields,
    variants: Type.Optional(
      Type.Array(variantSchema, {
        minItems: 1,
        maxItems: 10,
        description: "Several outputs, instead of the one that the other fields describe.",
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
      {
        source: { base64: EXAMPLE_PNG },
        variants: [{ width: 16, height: 9, fit: "contain", format: "webp" }, { height: 4 }],
      },
    ],
  },
);

/** One in this many jobs of the load test contains its image; the others name a URL. */
const LOAD_INLINE_EVERY = 5;

type Payload = Static<typeof payloadSchema>;

export default defineJob({
  type: "image_resize",
  description: "Resizes an image, to one or to several files.",
  lane: "cpu",
  payload: payloadSchema,
  loadTest: {
    share: 10,
    payload: (n, { imageUrl, imageBase64 }) => ({
      source: n % LOAD_INLINE_EVERY === 0 ? { base64: imageBase64 } : { url: imageUrl },
      width: 400,
      format: "jpeg" as const,
    }),
  },
  check: issuesOf,
  checkHere: sizeIssues,
  needsRead: ({ source, variants = [], watermark }) =>
    "artifact" in source || [watermark, ...variants.map((each) => each.watermark)].some((mark) => mark !== undefined),
  settings: Type.Object({ ...artifactSettings, ...outboundSettings, ...imageSettings }),
  result: Type.Object({
    artifact_ref: Type.String({ description: "`JOB_ID/NAME` of the first output, for the payload of another job" }),
    outputs: Type.Array(
      Type.Object({
        artifact: Type.String(),
        artifact_ref: Type.String({ description: "`JOB_ID/NAME`, for the payload of another job" }),
        format: Type.String(),
        width: Type.Integer(),
        height: Type.Integer(),
        bytes: Type.Integer(),
      }),
    ),
    reused: Type.Boolean({
      description: "Whether the outputs of an earlier job with the same source and variants were copied.",
    }),
    truncated: Type.Optional(
      Type.Literal(true, {
        description: "The source is damaged, and the outputs show the part that could be decoded.",
      }),
    ),
  }),
  errors: imageErrors,
  attempts: 3,
  timeoutMs: 120_000,
  backoff: exponential(1_000, 600_000),
  maxBodyBytes: 16_777_216,
  open,
  close: closeImageResource,
  run: ({ source, on_error: onError, variants, ...single }, { jobId, attempt, state, resource, signal, progress }) =>
    resizeImage({ jobId, attempt, source, onError, variants: variants ?? [single], state }, resource, signal, progress),
});

async function open(settings: ImageSettings, services?: Services): Promise<ImageResource> {
  if (!services?.startProcess)
    throw new Error("images are rendered in a process of a pool thread, and this is not a pool thread");
  return openImageResource(settings, services.startProcess);
}

function issuesOf(payload: Payload): PayloadIssue[] {
  const { source, variants } = payload;
  const variant = topVariant(payload);
  const issue = "url" in source ? urlIssue(source.url) : undefined;
  const issues: PayloadIssue[] = issue === undefined ? [] : [{ path: "/source/url", message: issue }];
  if (variants === undefined) return [...issues, ...variantIssues(variant, "")];
  for (const field of Object.keys(variant))
    issues.push({ path: `/${field}`, message: "must not be given together with variants" });
  return [...issues, ...variants.flatMap((each, i) => variantIssues(each, `/variants/${i}`))];
}

function sizeIssues(
  payload: Payload,
  { IMAGE_MAX_PIXELS: maxPixels }: { readonly IMAGE_MAX_PIXELS: number },
): PayloadIssue[] {
  if (payload.variants === undefined) return variantSizeIssues(topVariant(payload), "", maxPixels);
  return payload.variants.flatMap((each, i) => variantSizeIssues(each, `/variants/${i}`, maxPixels));
}

/** The output that the fields next to the source describe. */
function topVariant(payload: Payload): Variant {
  const variant: Partial<Payload> = { ...payload };
  delete variant.source;
  delete variant.on_error;
  delete variant.variants;
  return variant;
}
