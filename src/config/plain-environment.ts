/** Variables by which a program, a library or an allocator is set up. No setting of TaskFlow is among them, and so no secret. */
const NAMES = /^(PATH|LANG|LC_\w+|TZ|TMPDIR|LD_\w+|DYLD_\w+|MALLOC_\w+|VIPS_\w+|NODE_EXTRA_CA_CERTS)$/;

/** The environment for a process that this program starts: whoever takes that process over, or may read its environment, finds no setting there. */
export function plainEnvironment(env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => NAMES.test(name)));
}
