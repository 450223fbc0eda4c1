/** The files of a message: in the payload, from the artifact store, or fetched. */
import type { Readable } from "node:stream";
import { openByReference } from "../../artifacts/by-reference.ts";
import type { ArtifactStore } from "../../artifacts/store.ts";
import type { ByteShare } from "../../concurrency/byte-budget.ts";
import type { Outbound } from "../../net/outbound.ts";
import { fetchFile, MAX_ATTACHED_BYTES, PIECE_BYTES, tooLarge } from "./fetched-file.ts";
import type { EmailPayload } from "./payload.ts";
import type { SendingLimits } from "./sending-limits.ts";
import { bytesOfBase64, decodedBase64, lazily } from "./slices.ts";

export interface AttachmentSources {
  readonly store: ArtifactStore;
  readonly outbound: Outbound;
  readonly limits: SendingLimits;
}

export interface AttachedFile {
  readonly filename: string;
  readonly contentType: string | undefined;
  /** The Content-ID by which the html of the message refers to the file. */
  readonly cid: string | undefined;
  readonly bytes: number;
  /** Opens the file from its start, on each call. Nothing is opened or decoded before it is read. */
  readonly open: () => Readable;
}

type Attachment = NonNullable<EmailPayload["attachments"]>[number];

/** The files of one message, from their collection to the end of the attempt. */
export class Attachments {
  readonly files: AttachedFile[] = [];
  readonly #sources: AttachmentSources;
  readonly #signal: AbortSignal;
  /** The bytes of the fetched files. */
  #share: ByteShare | undefined;
  #shareInUse = 0;
  /**
   * Successive files of one host are fetched in one visit: otherwise the message would wait for its turn with each of
   * them.
   */
  #visit: { readonly host: string; readonly end: () => void } | undefined;
  #left = MAX_ATTACHED_BYTES;

  constructor(sources: AttachmentSources, signal: AbortSignal) {
    this.#sources = sources;
    this.#signal = signal;
  }

  /**
   * Finds all files, and fetches those with a URL one after the other.
   * @throws {PermanentError} `attachment_too_large` (all together), `artifact_unknown`, and as {@link fetchFile} does
   * @throws {RetryAfterError} `attachment_limited`
   */
  async collect(attachments: readonly Attachment[] = []): Promise<void> {
    for (const attachment of attachments) {
      const { filename, content_type: contentType, content_id: cid } = attachment;
      const left = this.#left;
      const open = await this.#contentOf(attachment);
      this.files.push({ filename, contentType, cid, bytes: left - this.#left, open });
    }
    this.#endVisit();
    this.#share?.shrinkTo(this.#shareInUse);
  }

  /** Releases what the files take, after the last use of the message. */
  close(): void {
    this.#endVisit();
    this.#share?.release();
  }

  async #contentOf({ base64, artifact, url }: Attachment): Promise<() => Readable> {
    if (artifact !== undefined) {
      const stored = await openByReference(this.#sources.store, artifact);
      this.#count(stored.bytes);
      return () => lazily(() => stored.read() as AsyncIterable<Buffer>);
    }
    if (base64 === undefined) return this.#fetch(url ?? "");
    this.#count(bytesOfBase64(base64));
    return () => decodedBase64(base64);
  }

  async #fetch(url: string): Promise<() => Readable> {
    const signal = this.#signal;
    await this.#visitHostOf(url);
    const share = (this.#share ??= await this.#sources.limits.take(PIECE_BYTES, signal));
    const { outbound } = this.#sources;
    const { pieces, bytes } = await fetchFile(url, {
      outbound,
      share,
      shareInUse: this.#shareInUse,
      maxBytes: this.#left,
      signal,
    });
    this.#shareInUse += pieces.length * PIECE_BYTES;
    this.#count(bytes);
    return () => lazily(() => cut(pieces, bytes));
  }

  async #visitHostOf(url: string): Promise<void> {
    const host = URL.canParse(url) ? new URL(url).host : "";
    if (this.#visit?.host === host) return;
    this.#endVisit();
    this.#visit = { host, end: await this.#sources.limits.visit(host, this.#signal) };
  }

  #endVisit(): void {
    this.#visit?.end();
    this.#visit = undefined;
  }

  #count(bytes: number): void {
    this.#left -= bytes;
    if (this.#left < 0) throw tooLarge();
  }
}

/** Splits the bytes into the pieces; the last piece may be partly filled. */
function* cut(pieces: readonly Buffer[], bytes: number): Generator<Buffer> {
  let left = bytes;
  for (const piece of pieces) {
    yield piece.subarray(0, left);
    left -= piece.length;
  }
}
