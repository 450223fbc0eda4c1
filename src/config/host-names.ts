/** Parses host names from settings into the form that browsers send in `Host`. */
import { isIPv6 } from "node:net";

/**
 * Reads names and addresses, separated by commas; `*` means any, `*.example.com` all names below one. Returns them in
 * lower case, international ones in their ASCII form, IPv6 addresses without brackets; undefined if one is not valid.
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
