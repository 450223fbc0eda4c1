import { isId } from "../core/id.ts";

/** Which artifact: a file that one attempt of a job produced. */
export interface ArtifactKey {
  readonly jobId: string;
  /**
   * The number of the attempt, 1 for the first. Attempts do not share files: one that lost its lease harms no other.
   */
  readonly attempt: number;
  readonly name: string;
}

/** No separator, no leading dot: a name is never a path, and never hidden. */
const NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/;

/** Whether a text may name an artifact: letters, digits, `.`, `_` and `-`, at most 128, no leading dot. */
export function isArtifactName(text: string): boolean {
  return NAME.test(text);
}

/** Whether a key can exist in a store; what is no key names nothing. */
export function isArtifactKey({ jobId, attempt, name }: ArtifactKey): boolean {
  return isId(jobId) && Number.isSafeInteger(attempt) && attempt >= 1 && isArtifactName(name);
}
