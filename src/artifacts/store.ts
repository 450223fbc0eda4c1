import type { Readable } from "node:stream";
import type { ArtifactKey } from "./key.ts";

/** The store of artifacts, which all replicas share. */
export interface ArtifactStore {
  /**
   * Writes an artifact completely or not at all: readers never see a part of it. A second write of the same key
   * replaces it. If a write fails, nothing is left behind.
   * @throws {RetryableError} `disk_full`, `artifact_store_failed`
   * @throws the error of `source`
   */
  write(key: ArtifactKey, source: Readable | Buffer): Promise<WrittenArtifact>;
  /** The artifact of that name from the newest attempt of a job that has one. */
  find(jobId: string, name: string): Promise<ArtifactKey | undefined>;
  open(key: ArtifactKey): Promise<StoredArtifact | undefined>;
  /** Removes all artifacts of a job. A repeat is harmless. */
  removeJob(jobId: string): Promise<void>;
  /**
   * Removes the artifacts that were written longer ago than `ageMs`, and the remains of crashed writers; returns the
   * number of removed artifacts. With millions of artifacts this takes long: once `signal` is aborted, it rejects with
   * the signal's reason before the next artifact.
   */
  removeOlderThan(ageMs: number, signal?: AbortSignal): Promise<number>;
}

export interface WrittenArtifact {
  readonly bytes: number;
  /** The digest of the stored bytes, in hexadecimal. */
  readonly sha256: string;
}

export interface StoredArtifact {
  readonly bytes: number;
  readonly contentType: string;
  /** A strong entity tag with its quotes (RFC 9110, 8.8.3). */
  readonly etag: string;
  readonly modifiedAt: Date;
  /**
   * The bytes, all of them or from `start` to `end` (both inclusive, from 0). Nothing is open before this is called.
   */
  read(range?: ByteRange): Readable;
}

export interface ByteRange {
  readonly start: number;
  readonly end: number;
}
