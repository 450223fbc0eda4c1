/** Job type `image_resize`: one image in, up to ten resized outputs as artifacts. */
import { type Static, Type } from "typebox";
import { artifactSettings } from "../../artifacts/settings.ts";
import { defineJob, exponential, type PayloadFault, type Services } from "../../core/job-type.ts";
import { outboundSettings } from "../../net/outbound.ts";
import { urlFault } from "../../net/target.ts";
import { imageErrors } from "./error-codes.ts";
import {
  closeImageTool,
  type ImageSettings,
  type ImageTool,
  imageSettings,
  openImageTool,
  resizeImage,
} from "./resize.ts";
import { imageSource } from "./source.ts";
import { type Variant, variantFields, variantSchema } from "./variant.ts";
import { variantFaults, variantSizeFaults } from "./variant-faults.ts";

/** 8 × 8 pixels. */
const EXAMPLE_PNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAACXBIWXMAAAPoAAAD6AG1e1JrAAAAEUlEQVQImWMwXlWOFTEMLQkAJbdVAbuCg2sAAAAASUVORK5CYII=";

const payloadSchema = Type.Object(
  {
    source: imageSource,
    on_error: Type.Optional(
      Type.Enum(["fail", "truncate"], {
        description:
          "`truncate` takes a damaged image as far as it can be decoded, and marks the result `truncated`. Default fail.",
      }),
    ),
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
      {
        source: { base64: EXAMPLE_PNG },
        variants: [{ width: 16, height: 9, fit: "contain", format: "webp" }, { height: 4 }],
      },
    ],
  },
);

type Payload = Static<typeof payloadSchema>;

export default defineJob({
  type: "image_resize",
  lane: "cpu",
  payload: payloadSchema,
  check: faultsOf,
  checkHere: sizeFaults,
  needsRead: ({ source, variants = [], watermark }) =>
    "artifact" in source || [watermark, ...variants.map((each) => each.watermark)].some((mark) => mark !== undefined),
  settings: Type.Object({ ...artifactSettings, ...outboundSettings, ...imageSettings }),
  result: Type.Object({
    outputs: Type.Array(
      Type.Object({
        artifact: Type.String(),
        format: Type.String(),
        width: Type.Integer(),
        height: Type.Integer(),
        bytes: Type.Integer(),
      }),
    ),
    reused: Type.Boolean({ description: "Whether an earlier job had made the same of the same source." }),
    truncated: Type.Optional(
      Type.Literal(true, { description: "The source is damaged, and the outputs show what could be decoded." }),
    ),
  }),
  errors: imageErrors,
  attempts: 3,
  timeoutMs: 120_000,
  backoff: exponential(1_000, 600_000),
  maxBodyBytes: 16_777_216,
  open,
  close: closeImageTool,
  run: ({ source, on_error: onError, variants, ...single }, { jobId, attempt, state, tool, signal, progress }) =>
    resizeImage({ jobId, attempt, source, onError, variants: variants ?? [single], state }, tool, signal, progress),
});

async function open(settings: ImageSettings, services?: Services): Promise<ImageTool> {
  if (!services?.startProcess)
    throw new Error("images are rendered in a process beside a pool thread, and there is none");
  return openImageTool(settings, services.startProcess);
}

function faultsOf(payload: Payload): PayloadFault[] {
  const { source, variants } = payload;
  const variant = topVariant(payload);
  const fault = "url" in source ? urlFault(source.url) : undefined;
  const faults: PayloadFault[] = fault === undefined ? [] : [{ path: "/source/url", message: fault }];
  if (variants === undefined) return [...faults, ...variantFaults(variant, "")];
  for (const field of Object.keys(variant))
    faults.push({ path: `/${field}`, message: "must not be given beside variants" });
  return [...faults, ...variants.flatMap((each, i) => variantFaults(each, `/variants/${i}`))];
}

function sizeFaults(
  payload: Payload,
  { IMAGE_MAX_PIXELS: maxPixels }: { readonly IMAGE_MAX_PIXELS: number },
): PayloadFault[] {
  if (payload.variants === undefined) return variantSizeFaults(topVariant(payload), "", maxPixels);
  return payload.variants.flatMap((each, i) => variantSizeFaults(each, `/variants/${i}`, maxPixels));
}

/** The fields of an output that stand beside the source. */
function topVariant(payload: Payload): Variant {
  const variant: Partial<Payload> = { ...payload };
  delete variant.source;
  delete variant.on_error;
  delete variant.variants;
  return variant;
}
