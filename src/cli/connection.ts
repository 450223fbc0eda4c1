/** The server that commands speak to. */
import { TaskFlow } from "../client/taskflow.ts";
import type { Environment } from "../config/config.ts";
import { StartError } from "../errors.ts";
import { exactJson } from "./exact-json.ts";

const DEFAULT_URL = "http://127.0.0.1:8080";
/** A person waits: what a restart takes is bridged, and no more. */
const RETRIES = 2;

export interface ConnectionOptions {
  readonly url?: string;
  readonly key?: string;
}

/**
 * By the options, else by TASKFLOW_URL and TASKFLOW_API_KEY.
 * @throws StartError for a URL or key that is none
 */
export function connect(
  { url, key }: ConnectionOptions,
  { TASKFLOW_URL = "", TASKFLOW_API_KEY = "" }: Environment,
): TaskFlow {
  const where = url ?? (TASKFLOW_URL || DEFAULT_URL);
  const fullUrl = where.includes("://") ? where : `http://${where}`;
  const apiKey = key ?? (TASKFLOW_API_KEY || undefined);
  if (!/^https?:\/\/./.test(fullUrl) || !URL.canParse(fullUrl))
    throw new StartError(
      `${url === undefined ? "TASKFLOW_URL" : "--url"}: expected a URL such as ${DEFAULT_URL}, got ${JSON.stringify(where)}.`,
    );
  // Said here, because what fetch says of it names the key.
  if (apiKey !== undefined && !/^[\u0021-\u007e]+$/.test(apiKey))
    throw new StartError(`${key === undefined ? "TASKFLOW_API_KEY" : "--key"}: it has characters that no key has.`);
  return new TaskFlow({ url: fullUrl, apiKey, json: exactJson, retries: RETRIES });
}
