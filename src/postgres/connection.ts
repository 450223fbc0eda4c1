/**
 * Opens all connections to Postgres. Each has a name that Postgres shows, gives up on a silent server, and limits every
 * wait. Postgres also notices when this process is gone, and releases its locks.
 *
 * A pooler in transaction mode (such as PgBouncer) accepts no such settings with the connection, and lends a session of
 * Postgres for one transaction: session settings would leak to the next caller. Behind a pooler, {@link begin} sets the
 * limits within each transaction, and no setting outlasts one.
 */
import pg from "pg";
import { parsePostgresUrl, type Tls } from "../config/postgres-url.ts";

export interface PostgresOptions {
  readonly databaseUrl: string;
  /** `application_name` is `taskflow-<name>`. */
  readonly name: string;
  readonly connectTimeoutMs?: number;
  /** Postgres ends a statement after this long, its waits for locks included. Undefined: no limit. */
  readonly statementTimeoutMs?: number | undefined;
  /** How long the caller waits for an answer of a silent server. Does not limit COPY. */
  readonly answerTimeoutMs?: number;
  /** Postgres ends a session that has been idle within a transaction for this long. */
  readonly idleInTransactionMs?: number;
  /** Postgres ends a session that has been idle for this long, so a frozen process cannot keep a lock. */
  readonly idleSessionMs?: number;
}

const CONNECT_TIMEOUT_MS = 5_000;
/** Both sides notice a dead machine at the other end within half a minute; TCP's default is two hours. */
const KEEPALIVE_IDLE_S = 10;
/**
 * Sets nothing and returns no row behind a pooler, because the pooler makes up the process number that it gives its
 * client.
 */
const SETTINGS = `select set_config('statement_timeout', $1, false), set_config('idle_in_transaction_session_timeout', $2, false),
  set_config('idle_session_timeout', $3, false), set_config('tcp_keepalives_idle', '${KEEPALIVE_IDLE_S}', false),
  set_config('tcp_keepalives_interval', '5', false), set_config('tcp_keepalives_count', '4', false)
  where pg_backend_pid() = $4`;

/**
 * Clients behind a pooler: the statements that set the limits within a transaction, and the Postgres process that runs
 * it.
 */
const POOLED = new WeakMap<pg.ClientBase, { readonly limits: string; pid: number | undefined }>();

/** By URL: the TLS mode that worked last, if `sslmode` permits several (allow and prefer). */
const SERVED = new Map<string, Tls>();

function configOf({
  databaseUrl,
  name,
  connectTimeoutMs = CONNECT_TIMEOUT_MS,
  answerTimeoutMs,
}: PostgresOptions): pg.ClientConfig {
  const { config, tls } = parsePostgresUrl(databaseUrl);
  const ssl = SERVED.get(databaseUrl) ?? tls[0];
  return {
    ...config,
    ...(ssl !== undefined && { ssl }),
    application_name: `taskflow-${name}`,
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEPALIVE_IDLE_S * 1_000,
    ...(answerTimeoutMs !== undefined && { query_timeout: answerTimeoutMs }),
  };
}

/** Sets the limits of a new connection, or remembers them for its transactions behind a pooler. */
async function limit(client: pg.ClientBase, options: PostgresOptions): Promise<void> {
  const {
    connectTimeoutMs = CONNECT_TIMEOUT_MS,
    statementTimeoutMs = 0,
    idleInTransactionMs = 0,
    idleSessionMs = 0,
  } = options;
  const values = [statementTimeoutMs, idleInTransactionMs, idleSessionMs, processOf(client) ?? 0].map(String);
  const { rowCount } = await client.query({
    text: SETTINGS,
    values,
    query_timeout: connectTimeoutMs,
  } as pg.QueryConfig);
  if (rowCount !== 0) return;
  const limits = `set local statement_timeout = ${statementTimeoutMs}; set local idle_in_transaction_session_timeout = ${idleInTransactionMs}; select pg_backend_pid() as pid`;
  POOLED.set(client, { limits, pid: undefined });
}

/** Whether a pooler is between this client and Postgres, so that the client shares its session with others. */
export function isPooled(client: pg.ClientBase): boolean {
  return POOLED.has(client);
}

/** The process of Postgres that serves a client: behind a pooler, the one of the latest transaction. */
export function backendOf(client: pg.ClientBase): number | undefined {
  const pooled = POOLED.get(client);
  return pooled ? pooled.pid : processOf(client);
}

function processOf(client: pg.ClientBase): number | undefined {
  return (client as unknown as { readonly processID: number | null }).processID ?? undefined;
}

/**
 * Begins a transaction under the limits of the connection. @param mode for example "isolation level repeatable read"
 */
export async function begin(client: pg.ClientBase, mode = ""): Promise<void> {
  const pooled = POOLED.get(client);
  if (!pooled) {
    await client.query(`begin ${mode}`);
    return;
  }
  const results = (await client.query(`begin ${mode}; ${pooled.limits}`)) as unknown as readonly pg.QueryResult<{
    pid: number;
  }>[];
  pooled.pid = results.at(-1)?.rows[0]?.pid;
}

/**
 * Runs `work` in one transaction. If it rejects, the caller must give up the connection, which ends the transaction.
 */
export async function transact<Client extends pg.ClientBase, Result>(
  client: Client,
  work: (client: Client) => Promise<Result>,
): Promise<Result> {
  await begin(client);
  const result = await work(client);
  await client.query("commit");
  return result;
}

/**
 * Tries the permitted TLS modes with temporary connections, and sets the first that the server accepts for a client
 * that is not connected yet. If none works, the client keeps the first mode.
 */
async function negotiate(client: pg.Client, options: PostgresOptions): Promise<void> {
  const { tls } = parsePostgresUrl(options.databaseUrl);
  if (tls.length < 2 || SERVED.has(options.databaseUrl)) return;
  for (const ssl of tls) {
    const probe = new pg.Client({ ...configOf(options), ssl });
    probe.on("error", () => undefined);
    const serves = await probe.connect().then(
      () => true,
      () => false,
    ); // the client itself reports why none works
    cut(probe);
    if (!serves) continue;
    SERVED.set(options.databaseUrl, ssl);
    Object.assign(client, { ssl });
    Object.assign((client as unknown as { readonly connection: object }).connection, { ssl });
    return;
  }
}

/** A connection for one caller. */
export interface PostgresConnection {
  readonly client: pg.Client;
  /** Connects. On failure it cuts the connection and rejects with pg's error. */
  readonly open: () => Promise<void>;
}

/**
 * Creates a connection that is not open yet. When it is lost, the call in progress rejects; there is no other error
 * event.
 */
export function postgresConnection(options: PostgresOptions): PostgresConnection {
  const client = new pg.Client(configOf(options));
  client.on("error", () => undefined);
  const open = async (): Promise<void> => {
    try {
      await negotiate(client, options);
      await client.connect();
      await limit(client, options);
    } catch (error) {
      SERVED.delete(options.databaseUrl); // the server may have changed
      cut(client);
      throw error;
    }
  };
  return { client, open };
}

/** A pool of up to `size` connections for statements of one kind, opened on demand. */
export function postgresPool(options: PostgresOptions & { readonly size: number }): pg.Pool {
  const onConnect = async (client: pg.ClientBase): Promise<void> => {
    client.on("error", () => undefined); // between calls; within one, the call rejects
    await limit(client, options).catch((error: unknown) => {
      cut(client);
      throw error;
    });
  };
  const config = { ...configOf(options), max: options.size, onConnect };
  const pool = new pg.Pool(config); // pg awaits the promise of onConnect, although its types do not declare it
  pool.on("error", () => undefined); // an idle connection died: the pool has dropped it
  return pool;
}

/**
 * Ends a connection at once; a query in progress rejects. `end()` would wait for the server if no query is in progress.
 */
export function cut(client: pg.ClientBase): void {
  (client as unknown as { readonly connection: pg.Connection }).connection.stream.destroy();
}
