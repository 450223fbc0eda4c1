/**
 * Variables that configure programs, libraries and allocators. They include no setting of TaskFlow, and so no secret.
 */
const NAMES = /^(PATH|LANG|LC_\w+|TZ|TMPDIR|LD_\w+|DYLD_\w+|MALLOC_\w+|VIPS_\w+|NODE_EXTRA_CA_CERTS)$/;

/**
 * The environment for a child process, without settings: an attacker who controls the process or reads its environment
 * learns no secret.
 */
export function plainEnvironment(env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => NAMES.test(name)));
}
