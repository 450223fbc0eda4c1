/** The API keys that `taskflow keys` made, in Postgres: what they may do, and their hashes. */
import pg from "pg";
import type { ApiKey } from "../core/api-key.ts";
import { parseScopes } from "../core/api-key.ts";
import { parseRatePolicy } from "../core/rate-policy.ts";
import { readSql } from "./sql.ts";

const LIST = readSql("api-keys-list.sql");
const ADD = readSql("api-keys-add.sql");
const REVOKE = readSql("api-keys-revoke.sql");

export interface StoredKey extends ApiKey {
  /** As they were given, for people. */
  readonly limits: { readonly rate: string | null; readonly quota: string | null };
  readonly createdAt: Date;
  readonly revokedAt: Date | null;
}

export interface NewKey {
  readonly id: string;
  readonly name: string;
  readonly hash: string;
  /** With `+` between. */
  readonly scopes: string;
  readonly rate: string | null;
  readonly quota: string | null;
}

interface Row extends NewKey {
  readonly createdAt: Date;
  readonly revokedAt: Date | null;
}

/** Every method throws pg's error when Postgres is away. */
export class ApiKeyStore {
  readonly #pool: pg.Pool;
  #closing: Promise<void> | undefined;

  constructor(databaseUrl: string) {
    this.#pool = new pg.Pool({ connectionString: databaseUrl, max: 1, connectionTimeoutMillis: 5_000, statement_timeout: 5_000, application_name: "taskflow-keys" });
    this.#pool.on("error", () => undefined); // the next call opens another connection
  }

  /** All of them, oldest first; the revoked ones too. */
  async list(): Promise<StoredKey[]> {
    const { rows } = await this.#pool.query<Row>(LIST);
    return rows.map(({ rate, quota, scopes, ...row }) => ({
      ...row,
      scopes: parseScopes(scopes) ?? [],
      rate: parseRatePolicy(rate ?? ""),
      quota: parseRatePolicy(quota ?? ""),
      limits: { rate, quota },
    }));
  }

  /** @returns whether it was added: not when a key that holds has this name */
  async add({ id, name, hash, scopes, rate, quota }: NewKey): Promise<boolean> {
    const { rowCount } = await this.#pool.query(ADD, [id, name, hash, scopes, rate, quota]);
    return rowCount === 1;
  }

  /** @param idOrName of a key that holds @returns the keys that were revoked */
  async revoke(idOrName: string): Promise<readonly Pick<StoredKey, "id" | "name">[]> {
    const { rows } = await this.#pool.query<{ id: string; name: string }>(REVOKE, [idOrName]);
    return rows;
  }

  close(): Promise<void> {
    this.#closing ??= this.#pool.end();
    return this.#closing;
  }
}
