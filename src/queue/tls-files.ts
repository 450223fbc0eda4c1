/** The files of a connection by TLS, read when a client is made: a replica is started again when they change. */
import { readFileSync } from "node:fs";
import type { ConnectionOptions } from "node:tls";
import type { TlsFiles } from "../config/redis-addr.ts";
import { messageOf, UsageError } from "../errors.ts";

/** @throws UsageError that names the parameter whose file cannot be read */
export function tlsOptions({ cafile, certfile, keyfile, servername }: TlsFiles = {}): ConnectionOptions {
  return {
    ...(cafile !== undefined && { ca: contentOf("cafile", cafile) }),
    ...(certfile !== undefined && { cert: contentOf("certfile", certfile) }),
    ...(keyfile !== undefined && { key: contentOf("keyfile", keyfile) }),
    ...(servername !== undefined && { servername }),
  };
}

function contentOf(parameter: string, path: string): string {
  let content: string;
  try {
    content = readFileSync(path, "utf8");
  } catch (error) {
    throw new UsageError(
      `REDIS_ADDR: the file of its parameter ${parameter} cannot be read (${messageOf(error)}).`,
      error,
    );
  }
  if (!content.includes("-----BEGIN "))
    throw new UsageError(`REDIS_ADDR: the file of its parameter ${parameter} (${path}) is not in the format PEM.`);
  return content;
}
