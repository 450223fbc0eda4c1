/** The requests of a load test: one job each, as JSON text. */
import type { LoadType } from "./mix.ts";

export interface BodySources {
  readonly webhookUrl: string;
  readonly imageUrl: string;
  /** The bytes at `imageUrl`, for jobs whose payload contains them. */
  readonly imageBase64: string;
}

const EXPORT_ROWS = 1_000;
const EXPORT_FORMATS = ["csv", "json", "ndjson"];
/** One image job in this many has its source in the request; the others have a URL. */
const INLINE_EVERY = 5;

/** Makes a function that writes the request of job number `n` of its type. The tags must not need escapes in JSON. */
export function makeBodies(
  { webhookUrl, imageUrl, imageBase64 }: BodySources,
  tags: readonly string[],
): (type: LoadType, n: number) => string {
  const exports = EXPORT_FORMATS.map((format) => JSON.stringify({ format, source: { rows: exportRows() } }));
  const payload: Readonly<Record<LoadType, (n: number) => string>> = {
    email: (n) =>
      JSON.stringify({
        to: `reader-${n}@example.com`,
        subject: `Load test ${n}`,
        body: "A message of ordinary length.\n".repeat(20),
      }),
    webhook: (n) =>
      JSON.stringify({
        url: webhookUrl,
        body: { event: "order.paid", number: n, note: "x".repeat(200) },
        secret: "whsec_bG9hZHRlc3Rsb2FkdGVzdGxvYWR0ZXN0",
      }),
    image_resize: (n) =>
      JSON.stringify({
        source: n % INLINE_EVERY === 0 ? { base64: imageBase64 } : { url: imageUrl },
        width: 400,
        format: "jpeg",
      }),
    data_export: (n) => exports[n % exports.length] ?? "",
  };
  const suffix = `,"tags":${JSON.stringify(tags)}}`;
  return (type, n) => `{"type":"${type}","payload":${payload[type](n)}${suffix}`;
}

function exportRows(): object[] {
  return Array.from({ length: EXPORT_ROWS }, (_, n) => ({
    id: n,
    name: `Customer ${n}`,
    city: n % 2 === 0 ? "Oslo, East" : "Lima",
    balance: n * 1.25,
    active: n % 3 === 0,
  }));
}
