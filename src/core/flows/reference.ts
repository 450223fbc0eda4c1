/** Reads one reference (references.ts). */

export interface Reference {
  readonly node: string;
  readonly part: "result" | "error";
  /** Names of members and indexes of elements, from the outside in. */
  readonly path: readonly string[];
}

/** The nodes that payloads of a flow may refer to. */
export interface ReferenceScope {
  readonly names: ReadonlySet<string>;
  /** The node that references without a name mean; absent if each needs a name. */
  readonly implicit?: string;
}

type Read = Reference | { /** What is wrong with it. */ readonly issue: string };

const MAX_NAME = 64;
/** As deep as a request may be nested. */
const MAX_STEPS = 100;
const BAD_ESCAPE = /~(?![01])/;

/** @param text the value of `$ref` */
export function readWhole(text: string, scope: ReferenceScope): Read {
  const example = scope.implicit === undefined ? "NODE/result/…" : "result/…";
  const malformed = `${shown(text)} is no reference: expected {"$ref": "${example}"}, or error instead of result; write $$ref for the name $ref`;
  if (BAD_ESCAPE.test(text)) return { issue: malformed };
  const steps = text.split("/", MAX_STEPS + 3).map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
  const [first = "", second = ""] = steps;
  if (scope.implicit !== undefined && isPart(first))
    return bounded({ node: scope.implicit, part: first, path: steps.slice(1) }, text);
  if (!isPart(second)) return { issue: malformed };
  if (!scope.names.has(first)) return { issue: unknown(first) };
  return bounded({ node: first, part: second, path: steps.slice(2) }, text);
}

/** @param text from `${` to the next `}`, which may be missing */
export function readInline(text: string, scope: ReferenceScope): Read {
  const example = scope.implicit === undefined ? "${NODE.result.…}" : "${result.…}";
  const malformed = `${shown(text)} is no reference: expected ${example}, or error instead of result; write $\${ for the text \${`;
  if (!text.endsWith("}")) return { issue: malformed };
  const inner = text.slice(2, -1);
  const steps = inner.split(".", 2 * MAX_STEPS);
  const [first = ""] = steps;
  const ofPath = (node: string, part: Reference["part"], path: readonly string[]): Read =>
    path.includes("") ? { issue: malformed } : bounded({ node, part, path }, text);
  if (scope.implicit !== undefined && isPart(first)) return ofPath(scope.implicit, first, steps.slice(1));
  let candidate: string | undefined;
  for (let at = Math.min(steps.length - 1, MAX_NAME); at > 0; at--) {
    const part = steps[at];
    if (!isPart(part)) continue;
    const node = steps.slice(0, at).join(".");
    if (scope.names.has(node)) return ofPath(node, part, steps.slice(at + 1));
    candidate = node;
  }
  return { issue: candidate === undefined ? malformed : unknown(candidate) };
}

function isPart(text: string | undefined): text is Reference["part"] {
  return text === "result" || text === "error";
}

function bounded(reference: Reference, text: string): Read {
  if (reference.path.length <= MAX_STEPS) return reference;
  return { issue: `${shown(text)} has more than ${MAX_STEPS} steps` };
}

function unknown(name: string): string {
  return `refers to ${shown(name)}, which is no node that it can refer to`;
}

function shown(text: string): string {
  return JSON.stringify(text.length > MAX_NAME ? `${text.slice(0, MAX_NAME)}…` : text);
}
