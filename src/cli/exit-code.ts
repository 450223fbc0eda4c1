/** What the commands of `taskflow` end with. */
export const IN_ORDER = 0;
export const FAULTS_FOUND = 1;
/** The command line is not understood, a setting is wrong, or a server does not answer. */
export const NOT_RUN = 2;

/** Where a command writes. */
export interface Output {
  write(text: string): unknown;
}
