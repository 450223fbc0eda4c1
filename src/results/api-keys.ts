/**
 * The API keys that `taskflow keys` made, in Postgres: what they may do, and their hashes. Each change adds an entry to the
 * audit.
 */
import { randomInt } from "node:crypto";
import type { ApiKey } from "../core/api-key.ts";
import { parseScopes } from "../core/api-key.ts";
import { idStart, idWith } from "../core/id.ts";
import { parseRatePolicy } from "../core/rate-policy.ts";
import { ExclusiveClient } from "../postgres/exclusive-client.ts";
import { readSql } from "../postgres/sql.ts";

const LIST = readSql(new URL("./api-keys-list.sql", import.meta.url));
const ADD = readSql(new URL("./api-keys-add.sql", import.meta.url));
const REVOKE = readSql(new URL("./api-keys-revoke.sql", import.meta.url));
/**
 * The limit of one call, its connection included: while a replica waits for a silent Postgres, it still accepts a key
 * that was revoked.
 */
const TIMEOUT_MS = 5_000;

export interface StoredKey extends ApiKey {
  /** As the operator gave them. */
  readonly limits: { readonly rate: string | null; readonly quota: string | null };
  readonly createdAt: Date;
  readonly revokedAt: Date | null;
}

export interface NewKey {
  readonly id: string;
  readonly name: string;
  readonly hash: string;
  /** Joined by `+`. */
  readonly scopes: string;
  readonly rate: string | null;
  readonly quota: string | null;
}

interface Row extends NewKey {
  readonly createdAt: Date;
  readonly revokedAt: Date | null;
}

/** The id of an entry of the audit, as `IdSource` makes those of a replica's entries. */
function entryId(atMs: number): string {
  return idWith(idStart(atMs, 0), randomInt(2 ** 30), randomInt(2 ** 32));
}

/** One call at a time. Every method throws pg's error when Postgres is away. */
export class ApiKeyStore {
  readonly #client: ExclusiveClient;

  constructor(databaseUrl: string, { timeoutMs = TIMEOUT_MS }: { readonly timeoutMs?: number } = {}) {
    this.#client = new ExclusiveClient({ databaseUrl, name: "keys", connectTimeoutMs: timeoutMs, timeoutMs });
  }

  /** All keys, oldest first, including the revoked ones. */
  async list(): Promise<StoredKey[]> {
    const { rows } = await this.#client.use((client) => client.query<Row>(LIST));
    return rows.map(({ rate, quota, scopes, ...row }) => ({
      ...row,
      scopes: parseScopes(scopes) ?? [],
      rate: parseRatePolicy(rate ?? ""),
      quota: parseRatePolicy(quota ?? ""),
      limits: { rate, quota },
    }));
  }

  /** @returns whether it was added: false if a key that is not revoked has this name */
  async add({ id, name, hash, scopes, rate, quota }: NewKey): Promise<boolean> {
    const at = Date.now();
    const values = [id, name, hash, scopes, rate, quota, entryId(at), at];
    const { rowCount } = await this.#client.use((client) => client.query(ADD, values));
    return rowCount === 1;
  }

  /** @param idOrName of keys that are not revoked yet @returns the keys that this call revoked */
  async revoke(idOrName: string): Promise<readonly Pick<StoredKey, "id" | "name">[]> {
    const at = Date.now();
    const values = [idOrName, [entryId(at), entryId(at)], at];
    const { rows } = await this.#client.use((client) => client.query<{ id: string; name: string }>(REVOKE, values));
    return rows;
  }

  /** Cuts off a call in progress. */
  close(): void {
    this.#client.cut();
  }
}
