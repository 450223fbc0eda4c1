/**
 * Guesses from a name whether its value is a credential, for values without a declaration such as log fields and query
 * parameters.
 */

const CREDENTIAL =
  /pass(?:word|wd|phrase)?$|pwd$|secret|token|authorization|cookie|credential|(?:api|access|private|signing|encryption)[_-]?key/i;
const KEY = /keys?\d*$|pass|pwd/i;

/**
 * Whether a member of a log line is named like a credential. Plain keys are not: `group_key` and `idempotency_key` are
 * shown.
 */
export function isSecretName(name: string): boolean {
  return CREDENTIAL.test(name);
}

/**
 * Like {@link isSecretName}, for settings and query parameters, in which a key is probably a credential too.
 */
export function isSecretOrKeyName(name: string): boolean {
  return CREDENTIAL.test(name) || KEY.test(name);
}
