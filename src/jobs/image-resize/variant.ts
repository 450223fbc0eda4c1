import { type Static, Type } from "typebox";
import { artifactReference } from "../../artifacts/by-reference.ts";

const OUTPUT_FORMATS = ["jpeg", "png", "webp", "avif", "gif"] as const;
const FITS = ["cover", "contain", "inside", "outside", "fill"] as const;
const CROPS = ["center", "attention", "entropy"] as const;
const POSITIONS = [
  "center",
  "north",
  "northeast",
  "east",
  "southeast",
  "south",
  "southwest",
  "west",
  "northwest",
] as const;
const METADATA = ["drop", "keep", "keep_without_location"] as const;

/** The longest side of an output, which is the limit of AVIF's encoder. */
export const MAX_SIDE = 16_384;

const closed = { additionalProperties: false };
const side = { minimum: 1, maximum: MAX_SIDE };
const share = { minimum: 0, maximum: 1 };

const watermark = Type.Object(
  {
    artifact: artifactReference(
      "JOB_ID/NAME: an image of any supported format; its transparency counts. The API key needs the scope `read`.",
    ),
    position: Type.Optional(Type.Enum([...POSITIONS], { description: "Default southeast." })),
    opacity: Type.Optional(Type.Number({ ...share, description: "0 to 1, default 1." })),
    scale: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 1,
        description: "The share of the output's width that it takes, at most the output's height (default 0.25).",
      }),
    ),
  },
  closed,
);

/** The fields of a {@link Variant} for a payload's schema. */
export const variantFields = {
  width: Type.Optional(Type.Integer({ ...side, description: "In pixels. Without it, it follows from `height`." })),
  height: Type.Optional(Type.Integer({ ...side, description: "In pixels. Without it, it follows from `width`." })),
  fit: Type.Optional(
    Type.Enum([...FITS], {
      description:
        "How the image meets `width` and `height` when both are given (default cover). Smaller images are enlarged, unless `without_enlargement` is true.",
    }),
  ),
  without_enlargement: Type.Optional(
    Type.Boolean({
      description:
        "Never scale up: a smaller image keeps its size (`contain` centres it in the box, `cover` crops to what it fills). Default false.",
    }),
  ),
  format: Type.Optional(
    Type.Enum([...OUTPUT_FORMATS], {
      description: "Default: that of the source (png for a TIFF and for a GIF that is not `animated`, jpeg for HEIC).",
    }),
  ),
  quality: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 100,
      description: "Default 80 (avif: 50). With png it reduces the colours to a palette; gif has none.",
    }),
  ),
  crop: Type.Optional(
    Type.Enum([...CROPS], {
      description:
        "The part that `cover` keeps: the middle (default), the most striking part (faces, colours, edges), or the part with most detail.",
    }),
  ),
  focus: Type.Optional(
    Type.Object(
      { x: Type.Number(share), y: Type.Number(share) },
      {
        ...closed,
        description:
          "The point that `cover` keeps as near the middle as it can; 0 is left and top, 1 right and bottom.",
      },
    ),
  ),
  background: Type.Optional(
    Type.String({
      pattern: "^#([0-9a-fA-F]{6}|[0-9a-fA-F]{8})$",
      expected: "a colour such as #ff0000, or #ff000080 with its opacity",
      description:
        "#rrggbb or #rrggbbaa: the colour of the letterbox of `contain` and behind transparency. Default: transparent; white if the format has no transparency (jpeg, which ignores the last two digits).",
    }),
  ),
  blur: Type.Optional(
    Type.Number({ minimum: 0.3, maximum: 100, description: "The sigma of a Gaussian, in pixels of the output." }),
  ),
  sharpen: Type.Optional(
    Type.Number({ minimum: 0.1, maximum: 10, description: "The sigma of the mask, in pixels of the output." }),
  ),
  watermark: Type.Optional(watermark),
  animated: Type.Optional(
    Type.Boolean({
      description:
        "Keep all frames of an animated GIF or WebP; the output is a gif or webp. Default false: the first frame.",
    }),
  ),
  metadata: Type.Optional(
    Type.Enum([...METADATA], {
      description:
        "`keep` keeps the EXIF and XMP fields that are still true of the output, the location included; `keep_without_location` drops the location (GPS). Default drop. Orientation is applied and colours become sRGB in any case.",
    }),
  ),
};

/** One output, as an entry of `variants`. */
export const variantSchema = Type.Object(variantFields, closed);

/** The description of one output. */
export type Variant = Static<typeof variantSchema>;
export type Watermark = Static<typeof watermark>;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

/** Whether the format can contain more than one frame. */
export function holdsFrames(format: string): format is "gif" | "webp" {
  return format === "gif" || format === "webp";
}

/** One output. */
export interface ImageOutput {
  /** The name of the artifact, such as `image-1.jpg`, numbered from 1 in the order of the variants. */
  readonly artifact: string;
  /** The job and the artifact, as the payload of another job refers to it. */
  readonly artifact_ref: string;
  readonly format: OutputFormat;
  readonly width: number;
  readonly height: number;
  readonly bytes: number;
}
