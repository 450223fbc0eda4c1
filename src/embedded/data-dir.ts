import { accessSync, constants, mkdirSync } from "node:fs";
import { StartError, codeOf, messageOf } from "../errors.ts";

/**
 * Makes a data folder, with its parents, and sees that it can be written.
 * @throws StartError in one sentence that names the folder.
 */
export function makeDataDir(dataDir: string, service: string): void {
  try {
    mkdirSync(dataDir, { recursive: true });
    accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new StartError(`The data folder of ${service}, ${dataDir}, cannot be made or written (${codeOf(error) ?? messageOf(error)}).`, error);
  }
}
