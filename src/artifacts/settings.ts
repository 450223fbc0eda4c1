import { Type } from "typebox";
import { openFolderStore } from "./folder-store.ts";
import type { ArtifactStore } from "./store.ts";

/** What a job type that writes or reads artifacts spreads into its settings. */
export const artifactSettings = {
  ARTIFACTS_DIR: Type.String({
    default: "./data/artifacts",
    minLength: 1,
    description: "The folder of the files that jobs produce. With several replicas: one that all of them mount.",
  }),
};

/**
 * Opens the artifact store that the settings name; it holds nothing open, so there is nothing to close.
 * @throws {StartError} the folder cannot be made
 */
export function openArtifactStore(settings: { readonly ARTIFACTS_DIR: string }): Promise<ArtifactStore> {
  return openFolderStore(settings.ARTIFACTS_DIR);
}
