import { isId } from "../core/id.ts";

/** Identifies an artifact: a file that one attempt of a job produced. */
export interface ArtifactKey {
  readonly jobId: string;
  /**
   * The number of the attempt, from 1. Attempts do not share files, so an attempt that lost its lease cannot harm a
   * later one.
   */
  readonly attempt: number;
  readonly name: string;
}

/** No separator and no leading dot, so a name is never a path and never a hidden file. */
const NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/;

/** Whether a text is a valid artifact name: letters, digits, `.`, `_` and `-`, at most 128, no leading dot. */
export function isArtifactName(text: string): boolean {
  return NAME.test(text);
}

/** Whether a key can exist in a store. A key that cannot exist names no artifact. */
export function isArtifactKey({ jobId, attempt, name }: ArtifactKey): boolean {
  return isId(jobId) && Number.isSafeInteger(attempt) && attempt >= 1 && isArtifactName(name);
}
