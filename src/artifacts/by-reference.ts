/** Another job's artifact, as a payload refers to it: `JOB_ID/NAME`. */
import { Type } from "typebox";
import { artifactError } from "./error-codes.ts";
import type { ArtifactStore, StoredArtifact } from "./store.ts";

/** The schema of a reference, for a payload. */
export function artifactReference(description: string) {
  return Type.String({
    pattern: "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$",
    expected: "JOB_ID/NAME: the id of the job that produced the artifact, and the artifact's name",
    description,
  });
}

/**
 * Opens the artifact that a reference names, from the newest attempt of the job that has it.
 * @param reference valid by {@link artifactReference}
 * @throws {PermanentError} `artifact_unknown`
 */
export async function openByReference(store: ArtifactStore, reference: string): Promise<StoredArtifact> {
  const slash = reference.indexOf("/");
  const key = await store.find(reference.slice(0, slash), reference.slice(slash + 1));
  const stored = key && (await store.open(key));
  if (stored === undefined) throw artifactError.permanent("artifact_unknown", `there is no artifact ${reference}`);
  return stored;
}
