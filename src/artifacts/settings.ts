import { Type } from "typebox";
import { openFolderStore } from "./folder-store.ts";
import { parseS3Location } from "./s3-location.ts";
import { openS3Store } from "./s3-store.ts";
import type { ArtifactStore } from "./store.ts";

/** The settings of a job type that writes or reads artifacts; spread them into the type's settings. */
export const artifactSettings = {
  ARTIFACTS_DIR: Type.String({
    default: "./data/artifacts",
    defaultText: "DATA_DIR/artifacts", // as config.ts has it
    minLength: 1,
    description: "The folder of the files that jobs produce. With several replicas, all of them must mount it.",
  }),
  ARTIFACTS_URL: Type.Optional(
    Type.String({
      default: "",
      description:
        "S3 instead of the folder: `s3://BUCKET/PREFIX?region=…`, and `&endpoint=https://HOST` for a server that is not Amazon's. Empty: the folder is used",
    }),
  ),
};

/**
 * Opens the artifact store that the settings name; it keeps only idle connections open, so there is nothing to close.
 * @throws {StartError} the folder cannot be made, or ARTIFACTS_URL is not a valid S3 URL
 */
export function openArtifactStore({
  ARTIFACTS_DIR,
  ARTIFACTS_URL = "",
}: {
  readonly ARTIFACTS_DIR: string;
  readonly ARTIFACTS_URL?: string | undefined;
}): Promise<ArtifactStore> {
  return ARTIFACTS_URL === "" ? openFolderStore(ARTIFACTS_DIR) : openS3Store(parseS3Location(ARTIFACTS_URL));
}
