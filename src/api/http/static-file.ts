/** Public files of the program: each is read, compressed and hashed once, and served from memory. */
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { promisify } from "node:util";
import { gzip as compress } from "node:zlib";
import { acceptsGzip } from "./compression.ts";
import { matches } from "./entity-tag.ts";
import type { Answer, ApiRequest, ByteStream } from "./exchange.ts";

const gzip = promisify(compress);

export interface StaticFileOptions {
  readonly contentType: string;
  /** Called once, on the first request. */
  readonly read: () => Promise<Buffer>;
  readonly headers?: NonNullable<Answer["headers"]>;
  /** The query of a URL that identifies this content, so that browsers may cache it forever. */
  readonly version?: string;
  /** The name of the file identifies this content. */
  readonly isImmutable?: boolean;
}

interface Encoded {
  readonly etag: string;
  readonly body: ByteStream;
  readonly headers: NonNullable<Answer["headers"]>;
}

const VARY = ["Vary", "Accept-Encoding"] as const;
const REVALIDATE = ["Cache-Control", "no-cache"] as const;
const KEEP = ["Cache-Control", "public, max-age=31536000, immutable"] as const;

export class StaticFile {
  readonly #options: StaticFileOptions;
  #encoded: Promise<{ readonly plain: Encoded; readonly compressed: Encoded }> | undefined;

  constructor(options: StaticFileOptions) {
    this.#options = options;
  }

  async answer({
    headers: { acceptEncoding, ifNoneMatch },
    query,
  }: Pick<ApiRequest, "headers" | "query">): Promise<Answer> {
    const { contentType, version, isImmutable = false } = this.#options;
    this.#encoded ??= this.#encode().catch((error: unknown) => {
      this.#encoded = undefined; // after an error, the next request reads it again
      throw error;
    });
    const { plain, compressed } = await this.#encoded;
    const { etag, body, headers } = acceptsGzip(acceptEncoding) ? compressed : plain;
    const cached = [...headers, isImmutable || (version !== undefined && query === version) ? KEEP : REVALIDATE];
    return matches(ifNoneMatch, etag)
      ? { status: 304, headers: cached, body: "" }
      : { status: 200, contentType, headers: cached, body };
  }

  async #encode(): Promise<{ readonly plain: Encoded; readonly compressed: Encoded }> {
    const bytes = await this.#options.read();
    const hash = createHash("sha256").update(bytes).digest("base64url").slice(0, 22);
    const encoded = (etag: string, content: Buffer, headers: NonNullable<Answer["headers"]>): Encoded => ({
      etag,
      // Sent no faster than the client reads it, so nothing is copied ahead.
      body: { bytes: content.length, open: () => Readable.from([content]) },
      headers: [["ETag", etag], VARY, ...(this.#options.headers ?? []), ...headers],
    });
    return {
      plain: encoded(`"${hash}"`, bytes, []),
      compressed: encoded(`"${hash}-gzip"`, await gzip(bytes, { level: 9 }), [["Content-Encoding", "gzip"]]),
    };
  }
}
