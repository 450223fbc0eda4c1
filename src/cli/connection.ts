/** Creates the client with which commands call the server. */
import { TaskFlow } from "../client/taskflow.ts";
import type { Environment } from "../config/config.ts";
import { StartError } from "../errors.ts";
import { exactJson } from "./exact-json.ts";

const DEFAULT_URL = "http://127.0.0.1:8080";
/** Enough attempts to survive a restart of the server; more would keep the user waiting. */
const RETRIES = 2;

export interface ConnectionOptions {
  readonly url?: string;
  readonly key?: string;
}

/**
 * Creates a client from the options or, without them, from TASKFLOW_URL and TASKFLOW_API_KEY.
 * @throws StartError for a URL or a key that is not valid
 */
export function connect(
  { url, key }: ConnectionOptions,
  { TASKFLOW_URL = "", TASKFLOW_API_KEY = "" }: Environment,
): TaskFlow {
  const address = url ?? (TASKFLOW_URL || DEFAULT_URL);
  const fullUrl = address.includes("://") ? address : `http://${address}`;
  const apiKey = key ?? (TASKFLOW_API_KEY || undefined);
  if (!/^https?:\/\/./.test(fullUrl) || !URL.canParse(fullUrl))
    throw new StartError(
      `${url === undefined ? "TASKFLOW_URL" : "--url"}: expected a URL such as ${DEFAULT_URL}, got ${JSON.stringify(address)}.`,
    );
  // Checked here, because the error of fetch quotes the key.
  if (apiKey !== undefined && !/^[\u0021-\u007e]+$/.test(apiKey))
    throw new StartError(
      `${key === undefined ? "TASKFLOW_API_KEY" : "--key"}: the API key has characters that are not allowed: use only visible ASCII characters.`,
    );
  return new TaskFlow({ url: fullUrl, apiKey, json: exactJson, retries: RETRIES });
}
