/** Explains to an operator why Postgres cannot be used: the reason, then the fix. */
import { codeOf, messageOf } from "../errors.ts";

interface Remedy {
  /** Matches the error's code, or its text if the code is missing or too general. */
  readonly code?: RegExp;
  readonly text?: RegExp;
  /** Default: the error's own text. */
  readonly reason?: string;
  readonly fix: string;
}

/**
 * The first match applies. Codes are Node's, or SQLSTATE (PostgreSQL manual, Appendix A); PgBouncer rejects everything
 * with 08P01.
 */
const REMEDIES: readonly Remedy[] = [
  {
    code: /^ECONNREFUSED$/,
    reason: "the connection is refused",
    fix: "check that it runs and that DATABASE_URL has its host and port",
  },
  {
    code: /^ENOENT$/,
    reason: "no server listens on that socket",
    fix: "check that it runs and that DATABASE_URL has the folder of its socket",
  },
  {
    code: /^(?:ENOTFOUND|EAI_\w+)$/,
    reason: "its host name cannot be looked up",
    fix: "correct the host in DATABASE_URL, or make its name known",
  },
  {
    code: /^(?:ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN)$/,
    reason: "it cannot be reached",
    fix: "check the host and port in DATABASE_URL, and that no firewall is between",
  },
  {
    text: /timeout expired|connection timeout/i,
    reason: "it does not answer in time",
    fix: "check the host and port in DATABASE_URL, and that no firewall is between",
  },
  {
    code: /^ERR_TLS_CERT_ALTNAME_INVALID$/,
    reason: "its certificate is for another host name",
    fix: "use a name of the certificate in DATABASE_URL, or sslmode=verify-ca",
  },
  {
    code: /^(?:UNABLE_TO_\w+|\w*SELF_SIGNED\w*|CERT_UNTRUSTED)$/,
    reason: "no known authority has signed its certificate",
    fix: "set its authority's certificate in DATABASE_URL (sslrootcert=FILE), or use sslmode=require to encrypt without verifying it",
  },
  { code: /^CERT_HAS_EXPIRED$/, reason: "its certificate has expired", fix: "renew the certificate" },
  {
    text: /does not support SSL connections/,
    reason: "it does not offer TLS",
    fix: "turn ssl on there, or use sslmode=prefer or sslmode=disable in DATABASE_URL",
  },
  {
    code: /^(?:EPROTO|ERR_SSL_\w+|ERR_OSSL\w*|CERT_\w+)$/,
    fix: "check the certificates in DATABASE_URL and on the server",
  },
  { text: /client certificate/, fix: "set a client certificate in DATABASE_URL (sslcert=FILE&sslkey=FILE)" },
  {
    text: /no pg_hba\.conf entry.*no encryption/,
    fix: "add sslmode=require to DATABASE_URL to use TLS, or an entry for this host, user and database to its pg_hba.conf",
  },
  {
    text: /pg_hba\.conf/,
    fix: "add an entry for this host, user and database to the server's pg_hba.conf, and reload it",
  },
  { code: /^28P01$/, fix: "correct the user and the password in DATABASE_URL" },
  { code: /^28000$/, fix: "correct the user in DATABASE_URL, or create it with the right to log in" },
  { text: /SASL|password must be a string|no password/i, fix: "correct the password in DATABASE_URL" },
  { code: /^3D000$/, fix: "create that database, or correct its name in DATABASE_URL" },
  { text: /no such database/, fix: "correct the database in DATABASE_URL, or make it known to the pooler" },
  {
    text: /unsupported startup parameter/,
    fix: "remove the parameter from DATABASE_URL, or add it to the pooler's ignore_startup_parameters",
  },
  {
    code: /^53300$/,
    fix: "allow it more connections (max_connections, or the connection limit of the role or database), or start fewer replicas",
  },
  { text: /statement pooling mode/, fix: "set pool_mode = transaction in the pooler" },
  {
    text: /query_wait_timeout|no more connections allowed/,
    fix: "allow the pooler more connections (default_pool_size, max_client_conn), or start fewer replicas",
  },
  { code: /^57P0[123]$/, fix: "wait until it runs, and start again" },
  { code: /^25006$/, fix: "set DATABASE_URL to the primary, or to a role that may write" },
  {
    code: /^42501$/,
    fix: 'grant the privilege to the user of DATABASE_URL, or run "taskflow migrate" as the owner of the tables',
  },
  { code: /^53100$/, fix: "free space on its disk" },
];

const OTHERWISE: Remedy = { fix: "check that it runs and that DATABASE_URL names it, its user and its database" };

/** @param what "Postgres at HOST:PORT cannot be used" @returns one sentence */
export function failureOf(what: string, error: unknown): string {
  const [code, text] = [codeOf(error) ?? "", messageOf(error).replace(/\s+/g, " ").trim()];
  const { reason = text, fix } =
    REMEDIES.find((remedy) => (remedy.code?.test(code) ?? false) || (remedy.text?.test(text) ?? false)) ?? OTHERWISE;
  return `${what} (${reason}): ${fix}.`;
}
