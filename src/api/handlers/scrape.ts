/** `GET /metrics`: rendered at most once a second, and compressed once, however many callers ask. */
import { promisify } from "node:util";
import { gzip as compress } from "node:zlib";
import { SharedRead } from "../../concurrency/shared-read.ts";
import type { Metrics } from "../../observability/metrics.ts";
import { acceptsGzip } from "../http/compression.ts";
import type { Answer, ApiRequest } from "../http/exchange.ts";

const gzip = promisify(compress);

type Scrape = (request: Pick<ApiRequest, "headers">) => Promise<Answer>;

export function scrapeOf({ text, contentType }: Pick<Metrics, "text" | "contentType">): Scrape {
  const shared = new SharedRead(async () => {
    const plain = Buffer.from(await text());
    let compressed: Promise<Buffer> | undefined;
    return { plain, compressed: () => (compressed ??= gzip(plain)) };
  });
  return async ({ headers: { acceptEncoding } }) => {
    const { plain, compressed } = await shared.recent();
    const head = { status: 200, contentType };
    if (!acceptsGzip(acceptEncoding)) return { ...head, headers: [["Vary", "Accept-Encoding"]], body: plain };
    return {
      ...head,
      headers: [
        ["Content-Encoding", "gzip"],
        ["Vary", "Accept-Encoding"],
      ],
      body: await compressed(),
    };
  };
}
