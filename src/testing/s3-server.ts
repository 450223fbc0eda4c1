/** A server of the S3 protocol (s3rver) on a free port, with an empty bucket. */
import type { AddressInfo } from "node:net";
import { tempDir } from "./services.ts";

interface S3rver {
  run(): Promise<AddressInfo>;
  close(): Promise<void>;
}
type S3rverClass = new (options: object) => S3rver;

export interface S3Server {
  /** The value for ARTIFACTS_URL. */
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

/** Its credentials are S3RVER and S3RVER; this puts them into the environment, where the SDK reads them. */
export async function startS3Server(): Promise<S3Server> {
  const name = "s3rver"; // it brings no types
  const { default: Server } = (await import(name)) as { default: S3rverClass };
  process.env.AWS_ACCESS_KEY_ID = "S3RVER";
  process.env.AWS_SECRET_ACCESS_KEY = "S3RVER";
  const server = new Server({
    address: "127.0.0.1",
    port: 0,
    silent: true,
    directory: tempDir(),
    configureBuckets: [{ name: "artifacts" }],
  });
  const { port } = await server.run();
  return { port, url: `s3://artifacts/of/jobs?endpoint=http://127.0.0.1:${port}`, close: () => server.close() };
}
