import { createServer } from "node:net";
import { StartError } from "../errors.ts";

/** Finds a free TCP port on 127.0.0.1. Another process may take the port before the caller uses it. */
export function freePort(): Promise<number> {
  return probe(0);
}

/**
 * Checks that this process can listen on a port of 127.0.0.1.
 * @throws StartError if the port is taken or not allowed.
 */
export async function requireFreePort(port: number, service: string): Promise<void> {
  try {
    await probe(port);
  } catch (error) {
    throw new StartError(
      `${service} cannot listen on 127.0.0.1:${port}, because that port is taken or not allowed: free it or choose another.`,
      error,
    );
  }
}

function probe(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : port));
    });
  });
}
