import { StartError } from "../errors.ts";

/** The position of artifacts in S3, from a URL `s3://BUCKET/PREFIX?…`. */
export interface S3Location {
  readonly name: string;
  /** Empty, or ends with a slash. */
  readonly prefix: string;
  readonly region: string;
  /** The URL of a server that is not Amazon's. */
  readonly endpoint: string | undefined;
  /**
   * Whether the bucket is in the path (`https://HOST/BUCKET/…`) and not in the host name, as most other servers
   * require.
   */
  readonly isPathStyle: boolean;
}

const EXPECTED =
  "ARTIFACTS_URL: expected s3://BUCKET/PREFIX, with ?region=…, &endpoint=http(s)://… and &path_style=0 or 1 if needed; put credentials into the environment, not into the URL";
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const PREFIX = /^(?:[A-Za-z0-9][A-Za-z0-9._-]*\/)*$/;

/**
 * Reads ARTIFACTS_URL.
 * @throws {StartError} the value is not such a URL
 */
export function parseS3Location(text: string): S3Location {
  if (!URL.canParse(text)) throw new StartError(EXPECTED);
  const url = new URL(text);
  const {
    region = "us-east-1",
    endpoint,
    path_style: pathStyle = endpoint === undefined ? "0" : "1",
    ...unknown
  } = Object.fromEntries(url.searchParams);
  const prefix = url.pathname.replace(/^\/+/, "").replace(/([^/])$/, "$1/");
  const isInOrder =
    url.protocol === "s3:" &&
    url.username === "" &&
    url.password === "" &&
    url.port === "" &&
    BUCKET.test(url.hostname) &&
    PREFIX.test(prefix) &&
    Object.keys(unknown).length === 0 &&
    /^[01]$/.test(pathStyle);
  if (!isInOrder || (endpoint !== undefined && !(/^https?:/.test(endpoint) && URL.canParse(endpoint))))
    throw new StartError(EXPECTED);
  return { name: url.hostname, prefix, region, endpoint, isPathStyle: pathStyle === "1" };
}
