/** The options that filter jobs, for `list` and for retrying in bulk. */
import type { Command } from "commander";
import type { ListFilters } from "../client/contract.ts";
import { pastOption } from "./time-option.ts";

export interface FilterOptions {
  readonly type?: string;
  readonly tag?: string;
  readonly group?: string;
  readonly errorCode?: string;
  readonly since?: string;
  readonly until?: string;
}

export function addFilterOptions(command: Command): Command {
  const past = (text: string): string => pastOption(text, Date.now());
  return command
    .option("--type <type>", "of this type")
    .option("--tag <tag>", "with this tag")
    .option("--group <key>", "of this group_key")
    .option("--error-code <code>", "failed with this code")
    .option("--since <time>", "accepted since: a time ago such as 2h or 7d, or an RFC 3339 time", past)
    .option("--until <time>", "accepted before, in the same forms", past);
}

/** Converts the given options to the filters of the client. */
export function filtersOf({ type, tag, group, errorCode, since, until }: FilterOptions): Omit<ListFilters, "status"> {
  return {
    ...(type !== undefined && { type }),
    ...(tag !== undefined && { tag }),
    ...(group !== undefined && { groupKey: group }),
    ...(errorCode !== undefined && { errorCode }),
    ...(since !== undefined && { createdAfter: since }),
    ...(until !== undefined && { createdBefore: until }),
  };
}

/** ` of type webhook, with tag nightly`: describes the filters for the user. */
export function filtersText({ type, tag, group, errorCode, since, until }: FilterOptions): string {
  const all = [
    ["of type", type],
    ["with tag", tag],
    ["of group", group],
    ["that ended in", errorCode],
    ["accepted since", since],
    ["accepted before", until],
  ] as const;
  const words = all.flatMap(([what, value]) => (value === undefined ? [] : [`${what} ${value}`]));
  return words.length === 0 ? "" : ` ${words.join(", ")}`;
}
