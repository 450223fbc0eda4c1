/** Reads the files of a TLS connection when a client is created: restart a replica after they change. */
import { readFileSync } from "node:fs";
import type { ConnectionOptions } from "node:tls";
import type { TlsFiles } from "../config/redis-addr.ts";
import { messageOf, UsageError } from "../errors.ts";

/** @throws UsageError that names the parameter if its file cannot be read */
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
      `REDIS_ADDR: the file in the parameter ${parameter} cannot be read (${messageOf(error)}).`,
      error,
    );
  }
  if (!content.includes("-----BEGIN "))
    throw new UsageError(`REDIS_ADDR: the file in the parameter ${parameter} (${path}) is not in PEM format.`);
  return content;
}
