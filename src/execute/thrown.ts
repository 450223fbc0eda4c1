/** Whether a handler threw an error of a class: by name as well, for a deployment's own types may bring a second copy of the module. */
export function isOf<Kind extends Error>(thrown: unknown, kind: new (...args: never[]) => Kind): thrown is Kind {
  return thrown instanceof kind || (thrown instanceof Error && thrown.name === kind.name);
}
