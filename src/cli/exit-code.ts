/** The exit codes of `taskflow`. */
export const IN_ORDER = 0;
/**
 * With `--wait`, the job failed or was cancelled; `verify` found inconsistencies; or the user did not confirm a bulk
 * retry.
 */
export const ISSUES_FOUND = 1;
/** The command line or a setting is not valid. */
export const NOT_RUN = 2;
/** The server, Redis or Postgres is currently unavailable: a later attempt may succeed. */
export const UNREACHABLE = 3;
/** The server rejects the request. */
export const REJECTED = 4;
/** The job did not end within `--timeout`. */
export const NOT_ENDED = 5;

export const EXIT_CODES = `
Exit codes:
  0  done
  1  with --wait, the job failed or was cancelled; verify found inconsistencies; or you did not confirm
  2  the command line or a setting is not valid
  3  the server, Redis or Postgres does not answer, or not at the moment
  4  the server rejects the request
  5  the job did not end within --timeout
`;

/** The stream that a command writes to. */
export interface Output {
  write(text: string): unknown;
}
