/**
 * JSON Merge Patch (RFC 7396) on JSON texts: what the patch does not name keeps its text, with all digits of its
 * numbers. Both texts must have been accepted by JSON.parse, and their nesting must be bounded ({@link exceeded} in
 * json-span.ts). Each character is read a bounded number of times, at any depth.
 */
import { endOfValue, walkMembers } from "./json-span.ts";

/** A value of the patch that is no object, as text; `null` removes the member. */
interface Leaf {
  readonly json: string;
  /** What a reader of the target sees at this place, if that is known. */
  shown?: string;
}
type Members = Map<string, Leaf | Members>;

/**
 * Applies a patch to the text of an object.
 * @param patch the text of any value
 * @param shown the target as readers see it, with redacted values: a value that the patch repeats from it stays as it
 * is in the target
 */
export function mergePatch(target: string, patch: string, shown: string = target): string {
  const { node } = readPatch(patch, startOf(patch));
  if (!(node instanceof Map)) return node.json;
  if (shown !== target) merged(shown, startOf(shown), node, (leaf, text) => (leaf.shown = text));
  return merged(target, startOf(target), node, (leaf, text) => (isRepeated(leaf, text) ? text : leaf.json)).json;
}

/**
 * The text of an object, whose values that readers see in place of secrets become those secrets. Its other values and
 * its members stay as they are.
 * @param stored the text of an object @param shown that object as readers see it
 */
export function restored(json: string, stored: string, shown: string): string {
  const { node } = readPatch(json, startOf(json));
  if (!(node instanceof Map)) return json;
  merged(shown, startOf(shown), node, (leaf, text) => (leaf.shown = text));
  const secrets = new Map<Leaf, string>();
  merged(stored, startOf(stored), node, (leaf, text) => {
    if (isRepeated(leaf, text)) secrets.set(leaf, text);
    return text;
  });
  return secrets.size === 0 ? json : restoredText(node, secrets);
}

function restoredText(node: Leaf | Members, secrets: ReadonlyMap<Leaf, string>): string {
  if (!(node instanceof Map)) return secrets.get(node) ?? node.json;
  return `{${[...node].map(([name, inner]) => memberOf(name, restoredText(inner, secrets))).join(",")}}`;
}

function startOf(json: string): number {
  return json.search(/\S/);
}

function readPatch(json: string, start: number): { readonly node: Leaf | Members; readonly end: number } {
  if (json.charAt(start) !== "{") {
    const end = endOfValue(json, start);
    return { node: { json: json.slice(start, end) }, end };
  }
  const members: Members = new Map();
  const end = walkMembers(json, start, (name, valueAt) => {
    const value = readPatch(json, valueAt);
    members.set(name, value.node);
    return value.end;
  });
  return { node: members, end };
}

/**
 * The object that begins at `start`, with the patch applied, and the index after it.
 * @param valueOf the text that replaces a value, given its text
 */
function merged(
  json: string,
  start: number,
  patch: Members,
  valueOf: (leaf: Leaf, text: string) => string,
): { readonly json: string; readonly end: number } {
  const members: string[] = [];
  const added = new Map(patch);
  const end = walkMembers(json, start, (name, valueAt) => {
    const change = patch.get(name);
    added.delete(name);
    if (change instanceof Map && json.charAt(valueAt) === "{") {
      const inner = merged(json, valueAt, change, valueOf);
      members.push(memberOf(name, inner.json));
      return inner.end;
    }
    const valueEnd = endOfValue(json, valueAt);
    const text = json.slice(valueAt, valueEnd);
    if (change instanceof Map) members.push(memberOf(name, textOf(change)));
    else if (!change) members.push(memberOf(name, text));
    else if (change.json !== "null") members.push(memberOf(name, valueOf(change, text)));
    return valueEnd;
  });
  members.push(...addedMembers(added));
  return { json: `{${members.join(",")}}`, end };
}

function memberOf(name: string, json: string): string {
  return `${JSON.stringify(name)}:${json}`;
}

/** A new value: objects of a patch without the members that it removes. */
function textOf(node: Leaf | Members): string {
  return node instanceof Map ? `{${addedMembers(node).join(",")}}` : node.json;
}

function addedMembers(members: Members): string[] {
  return [...members].flatMap(([name, node]) =>
    !(node instanceof Map) && node.json === "null" ? [] : [memberOf(name, textOf(node))],
  );
}

/** Whether the patch repeats what its author read in place of this value. */
function isRepeated({ json, shown }: Leaf, text: string): boolean {
  if (shown === undefined || shown === text) return false;
  return json === shown || JSON.stringify(JSON.parse(json)) === JSON.stringify(JSON.parse(shown));
}
