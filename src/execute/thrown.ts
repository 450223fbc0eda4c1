/**
 * Whether a handler threw an error of this class. Also compares names, since a deployment's types may load a second
 * copy of the module.
 */
export function isOf<Kind extends Error>(thrown: unknown, kind: new (...args: never[]) => Kind): thrown is Kind {
  return thrown instanceof kind || (thrown instanceof Error && thrown.name === kind.name);
}
