/** Names of hosts as settings give them, in the form that a browser sends in Host. */
import { isIPv6 } from "node:net";

/**
 * Reads names and addresses with commas between; `*` stands for any, `*.example.com` for all names below one. Returns them in lower case,
 * international ones in their ASCII form, addresses of IPv6 without brackets; undefined where one of them is none.
 */
export function parseHostNames(text: string): readonly string[] | undefined {
  const given = text
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  const names = given.map((name) => (name === "*" ? name : parseHostName(name)));
  return names.every((name) => name !== undefined) ? Object.freeze(names) : undefined;
}

function parseHostName(text: string): string | undefined {
  const [, star = "", name = ""] = /^(\*\.)?([^*]+)$/.exec(text) ?? [];
  const host = isIPv6(name) ? `[${name}]` : name;
  if (/[\s/?#@%\\]/.test(host) || /:\d*$/.test(host) || !URL.canParse(`http://${host}`)) return undefined;
  return star + new URL(`http://${host}`).hostname.replace(/^\[|\]$|\.$/g, "");
}
