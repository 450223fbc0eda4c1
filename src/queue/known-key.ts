/** The submission that used an Idempotency-Key before. */
import type { Connection } from "./connection.ts";
import { CALL_TIMEOUT_MS } from "./queue-options.ts";

export interface KnownKey {
  readonly fingerprint: string;
  readonly firstId: string;
}

/** @returns undefined if Redis does not know the key */
export async function knownKey(
  connection: Pick<Connection, "send">,
  ns: string,
  key: string,
): Promise<KnownKey | undefined> {
  const value = await connection.send("get", [`${ns}idem:${key}`], CALL_TIMEOUT_MS);
  if (typeof value !== "string") return undefined;
  const [fingerprint, firstId] = value.split(" ") as [string, string];
  return { fingerprint, firstId };
}
