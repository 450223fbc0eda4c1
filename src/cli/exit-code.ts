/** What the commands of `taskflow` end with. */
export const IN_ORDER = 0;
/** A job that was waited for has failed or was cancelled, `verify` found faults, or a bulk retry was not confirmed. */
export const ISSUES_FOUND = 1;
/** The command line is not understood, or a setting is wrong. */
export const NOT_RUN = 2;
/** The server, Redis or Postgres does not answer, or cannot at the moment: trying again later may help. */
export const UNREACHABLE = 3;
/** The server refuses what was asked. */
export const REJECTED = 4;
/** What was waited for did not end within `--timeout`. */
export const NOT_ENDED = 5;

export const EXIT_CODES = `
Exit codes:
  0  done
  1  the job that was waited for has failed or was cancelled, verify found faults, or the answer to a question was no
  2  the command line or a setting is wrong
  3  the server, Redis or Postgres does not answer, or cannot at the moment
  4  the server refuses it
  5  what was waited for did not end within --timeout
`;

/** Where a command writes. */
export interface Output {
  write(text: string): unknown;
}
