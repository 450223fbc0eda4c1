import type { S3Client } from "@aws-sdk/client-s3";
import type { S3Location } from "./s3-location.ts";

type S3Library = typeof import("@aws-sdk/client-s3");

/** A bucket, or the part of one below a prefix, with the client that reaches it. */
export interface Bucket extends S3Location {
  readonly s3: S3Library;
  readonly client: S3Client;
}
