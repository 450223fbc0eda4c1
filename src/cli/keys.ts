/** `taskflow keys create|list|revoke`: manages the API keys in Postgres. */
import { createHash, randomBytes } from "node:crypto";
import type { Config } from "../config/config.ts";
import { idOfHash, isKeyName, parseScopes } from "../core/api-key.ts";
import { parseRatePolicy } from "../core/rate-policy.ts";
import { StartError } from "../errors.ts";
import type { NewKey, StoredKey } from "../results/api-keys.ts";
import { ApiKeyStore } from "../results/api-keys.ts";
import { migrate } from "../results/migrate.ts";
import type { Output } from "./exit-code.ts";
import { IN_ORDER, ISSUES_FOUND } from "./exit-code.ts";

export interface KeysOptions {
  readonly config: Pick<Config, "DATABASE_URL">;
  readonly action: string;
  /** The name of the key to create, or the name or id of the key to revoke. */
  readonly name: string;
  /** The scopes of a new key: `submit`, `read`, `admin`, separated by commas or `+`. */
  readonly scopes: string;
  readonly rate?: string | undefined;
  readonly quota?: string | undefined;
  /** Stores nothing, and prints the entry for TASKFLOW_API_KEYS. */
  readonly isForEnv: boolean;
  readonly isJson: boolean;
  readonly out: Output;
}

/**
 * Creates, lists or revokes keys. It shows a new key only once, because Postgres stores its hash only. Replicas apply a
 * change within seconds.
 * @returns the exit code
 * @throws StartError for invalid options, or if Postgres does not answer
 */
export async function keysCommand(options: KeysOptions): Promise<number> {
  const { action, config, isForEnv } = options;
  if (action === "create" && isForEnv) return printForEnv(options);
  if (config.DATABASE_URL === "")
    throw new StartError("DATABASE_URL must be set: it names the database that stores the keys.");
  const act = { create: createKey, list: listKeys, revoke: revokeKey }[action];
  if (!act) throw new StartError(`expected keys create, keys list or keys revoke, got ${JSON.stringify(action)}.`);
  await migrate(config.DATABASE_URL);
  const store = new ApiKeyStore(config.DATABASE_URL);
  try {
    return await act(store, options);
  } finally {
    store.close();
  }
}

interface MadeKey extends NewKey {
  readonly key: string;
}

/** A key has 256 random bits and cannot be guessed, so one round of SHA-256 is enough. */
function makeKey({ name, scopes: scopeNames, rate, quota }: KeysOptions): MadeKey {
  if (!isKeyName(name)) throw new StartError("a key needs a name of letters, digits, '.', '_' and '-', at most 64.");
  const scopes = parseScopes(scopeNames.replaceAll(",", "+"));
  if (!scopes)
    throw new StartError(
      `--scopes: expected submit, read or admin, separated by commas, got ${JSON.stringify(scopeNames)}.`,
    );
  for (const [option, value] of [
    ["--rate", rate],
    ["--quota", quota],
  ] as const) {
    if (value !== undefined && !parseRatePolicy(value))
      throw new StartError(
        `${option}: expected a number and a time, as in 100/s or 100000/d, got ${JSON.stringify(value)}.`,
      );
  }
  const key = `tf_${randomBytes(32).toString("base64url")}`;
  const hash = createHash("sha256").update(key).digest("hex");
  return { key, id: idOfHash(hash), name, hash, scopes: scopes.join("+"), rate: rate ?? null, quota: quota ?? null };
}

function printForEnv(options: KeysOptions): number {
  const { key, name, scopes, hash, rate, quota } = makeKey(options);
  const entry = [
    name,
    scopes,
    hash,
    ...(rate === null ? [] : [`rate=${rate}`]),
    ...(quota === null ? [] : [`quota=${quota}`]),
  ].join(":");
  options.out.write(options.isJson ? `${JSON.stringify({ key, entry })}\n` : `${key}\n\nTASKFLOW_API_KEYS=${entry}\n`);
  return IN_ORDER;
}

async function createKey(store: ApiKeyStore, options: KeysOptions): Promise<number> {
  const { key, ...made } = makeKey(options);
  if (!(await store.add(made)))
    throw new StartError(`there is already a key named ${made.name}; revoke it first, or choose another name.`);
  const { id, name, scopes } = made;
  options.out.write(
    options.isJson
      ? `${JSON.stringify({ id, name, scopes: scopes.split("+"), key })}\n`
      : `${key}\n\nThis is the only time that the key ${name} (${id}, ${scopes}) is shown. Replicas accept it within seconds.\n`,
  );
  return IN_ORDER;
}

async function listKeys(store: ApiKeyStore, { isJson, out }: KeysOptions): Promise<number> {
  const keys = await store.list();
  if (isJson) out.write(`${JSON.stringify(keys.map(shown), null, 2)}\n`);
  else if (keys.length === 0) out.write("No keys are stored.\n");
  else for (const key of keys) out.write(`${lineOf(key)}\n`);
  return IN_ORDER;
}

function shown({ id, name, scopes, limits, createdAt, revokedAt }: StoredKey) {
  return {
    id,
    name,
    scopes,
    ...limits,
    created_at: createdAt.toISOString(),
    revoked_at: revokedAt?.toISOString() ?? null,
  };
}

function lineOf({ id, name, scopes, limits, createdAt, revokedAt }: StoredKey): string {
  const { rate, quota } = limits;
  const rest = [
    rate === null ? "" : `rate ${rate}`,
    quota === null ? "" : `quota ${quota}`,
    `created ${createdAt.toISOString()}`,
    revokedAt === null ? "" : `revoked ${revokedAt.toISOString()}`,
  ];
  return [id, name.padEnd(20), scopes.join("+").padEnd(17), ...rest].filter((text) => text !== "").join("  ");
}

async function revokeKey(store: ApiKeyStore, { name, isJson, out }: KeysOptions): Promise<number> {
  const revoked = await store.revoke(name);
  if (isJson) out.write(`${JSON.stringify({ revoked })}\n`);
  else
    out.write(
      revoked.length === 0
        ? `No valid key has the name or the id ${JSON.stringify(name)}.\n`
        : `${revoked.map((key) => `${key.name} (${key.id})`).join(", ")} is revoked. Replicas may accept it for some seconds more.\n`,
    );
  return revoked.length === 0 ? ISSUES_FOUND : IN_ORDER;
}
