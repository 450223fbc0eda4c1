/** The jobs of the starting point: small, built in, and harmless on any server. */
export type SampleName = "email" | "image" | "export";

export interface Sample {
  /** The parameter of the URL that has the id of the job. */
  readonly name: SampleName;
  readonly type: string;
  readonly action: string;
  readonly text: string;
}

export const SAMPLES: readonly Sample[] = [
  {
    name: "email",
    type: "email",
    action: "Send an email",
    text: "A message to you@example.com, which development machines catch.",
  },
  {
    name: "image",
    type: "image_resize",
    action: "Resize an image",
    text: "A picture of 960 pixels, scaled down to a WebP of 320.",
  },
  {
    name: "export",
    type: "data_export",
    action: "Export data",
    text: "Ten cities, written to a CSV file to download.",
  },
];

/** @param picture the base64 of an image file */
export function payloadOf(name: SampleName, picture: () => string): Record<string, unknown> {
  if (name === "email")
    return {
      to: "you@example.com",
      subject: "Hello from TaskFlow",
      body: "Your first job has run.\n\nThis message was sent by a job of the type email.\n",
    };
  if (name === "image") return { source: { base64: picture() }, width: 320, fit: "inside", format: "webp" };
  return { format: "csv", filename: "cities.csv", source: { rows: CITIES } };
}

const CITIES = [
  ["Tokyo", "Japan", 37_036_000],
  ["Delhi", "India", 34_665_000],
  ["Shanghai", "China", 30_482_000],
  ["Dhaka", "Bangladesh", 24_652_000],
  ["Cairo", "Egypt", 23_074_000],
  ["São Paulo", "Brazil", 22_990_000],
  ["Mexico City", "Mexico", 22_752_000],
  ["Lagos", "Nigeria", 17_156_000],
  ["Istanbul", "Türkiye", 16_237_000],
  ["London", "United Kingdom", 9_841_000],
].map(([city, country, people]) => ({ city, country, people }));
