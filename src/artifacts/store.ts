import type { Readable } from "node:stream";
import type { ArtifactKey } from "./key.ts";

/** Where artifacts are kept: one place that all replicas reach. */
export interface ArtifactStore {
  /**
   * Writes one artifact whole or not at all: nobody ever sees a part of it. The same key again replaces it.
   * @throws {RetryableError} `disk_full`; whatever `source` fails with. Nothing is left behind then
   */
  write(key: ArtifactKey, source: Readable | Buffer): Promise<WrittenArtifact>;
  /** The artifact of that name from the newest attempt of a job that has one. */
  find(jobId: string, name: string): Promise<ArtifactKey | undefined>;
  open(key: ArtifactKey): Promise<StoredArtifact | undefined>;
  /**
   * Removes what was written longer ago than `ageMs`, and what writers that died have left; returns the number of artifacts
   * removed. Millions take long to look through: once `signal` is aborted, it rejects with that at the next one.
   */
  removeOlderThan(ageMs: number, signal?: AbortSignal): Promise<number>;
}

export interface WrittenArtifact {
  readonly bytes: number;
  /** Of the bytes as stored, in hexadecimal. */
  readonly sha256: string;
}

export interface StoredArtifact {
  readonly bytes: number;
  readonly contentType: string;
  /** A strong entity tag with its quotes (RFC 9110, 8.8.3). */
  readonly etag: string;
  readonly modifiedAt: Date;
  /** The bytes, all of them or from `start` to `end` (both inclusive, from 0). Nothing is held open before this is called. */
  read(range?: ByteRange): Readable;
}

export interface ByteRange {
  readonly start: number;
  readonly end: number;
}
