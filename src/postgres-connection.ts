/**
 * The one way to a connection to Postgres. Each has a name that Postgres shows, gives up a server that is silent, and has a limit for
 * whatever it waits for; Postgres, too, notices that this side is gone, and gives its locks back.
 */
import pg from "pg";

export interface PostgresOptions {
  readonly databaseUrl: string;
  /** `application_name` is `taskflow-<name>`. */
  readonly name: string;
  readonly connectTimeoutMs?: number;
  /** Postgres ends a statement after so long, its waits for locks included. Undefined: the caller sets it before its first statement. */
  readonly statementTimeoutMs?: number | undefined;
  /** So long the caller waits for an answer of a server that gives none. Not for COPY, whose answer may take as long as it likes. */
  readonly answerTimeoutMs?: number;
  /** Postgres ends a session that has been idle within a transaction for so long. */
  readonly idleInTransactionMs?: number;
  /** Postgres ends a session that has been idle for so long: one that holds a lock while its process is frozen. */
  readonly idleSessionMs?: number;
}

const CONNECT_TIMEOUT_MS = 5_000;
/** A dead machine at the other end is noticed within half a minute, on both sides, where TCP alone would take two hours. */
const KEEPALIVE_IDLE_S = 10;
const SETTINGS = `select set_config('tcp_keepalives_idle', '${KEEPALIVE_IDLE_S}', false), set_config('tcp_keepalives_interval', '5', false),
  set_config('tcp_keepalives_count', '4', false), set_config('idle_session_timeout', $1, false)`;

function configOf({ databaseUrl, name, connectTimeoutMs = CONNECT_TIMEOUT_MS, statementTimeoutMs, answerTimeoutMs, idleInTransactionMs }: PostgresOptions): pg.ClientConfig {
  return {
    connectionString: databaseUrl,
    application_name: `taskflow-${name}`,
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEPALIVE_IDLE_S * 1_000,
    ...(statementTimeoutMs !== undefined && { statement_timeout: statementTimeoutMs }),
    ...(answerTimeoutMs !== undefined && { query_timeout: answerTimeoutMs }),
    ...(idleInTransactionMs !== undefined && { idle_in_transaction_session_timeout: idleInTransactionMs }),
  };
}

/** A connection for one caller. */
export interface PostgresConnection {
  readonly client: pg.Client;
  /** Connects; rejects with pg's error, with the connection cut. */
  readonly open: () => Promise<void>;
}

/** Not connected yet. Its loss is no error of its own: the call under way rejects. */
export function postgresConnection(options: PostgresOptions): PostgresConnection {
  const { connectTimeoutMs = CONNECT_TIMEOUT_MS, idleSessionMs = 0 } = options;
  const client = new pg.Client(configOf(options));
  client.on("error", () => undefined);
  const open = async (): Promise<void> => {
    try {
      await client.connect();
      await client.query({ text: SETTINGS, values: [String(idleSessionMs)], query_timeout: connectTimeoutMs } as pg.QueryConfig);
    } catch (error) {
      cut(client);
      throw error;
    }
  };
  return { client, open };
}

/** Connections for statements of one kind, opened as they are needed, up to `size`. */
export function postgresPool(options: PostgresOptions & { readonly size: number }): pg.Pool {
  const pool = new pg.Pool({ ...configOf(options), max: options.size });
  pool.on("error", () => undefined); // an idle connection died: the pool has dropped it
  return pool;
}

/** Ends a connection at once, whatever is under way: that rejects. `end()` would wait for the other side where no query is under way. */
export function cut(client: pg.Client): void {
  (client as unknown as { readonly connection: pg.Connection }).connection.stream.destroy();
}
