/** The options that filter jobs, for `list` and for acting in bulk. */
import type { Command } from "commander";
import { InvalidArgumentError, Option } from "commander";
import type { ListFilters, Status } from "../client/contract.ts";
import { readFilterText } from "../client/filter-text.ts";
import { STATUSES } from "../core/job.ts";
import { StartError } from "../errors.ts";
import { pastOption, timeText } from "./time-option.ts";

export interface FilterOptions {
  readonly query?: ListFilters;
  readonly status?: readonly Status[];
  readonly type?: readonly string[];
  readonly tag?: readonly string[];
  readonly group?: readonly string[];
  readonly errorCode?: readonly string[];
  readonly since?: string;
  readonly until?: string;
  readonly finishedSince?: string;
  readonly finishedUntil?: string;
  readonly retryOf?: readonly string[];
  readonly worker?: readonly string[];
  readonly payload?: Readonly<Record<string, string>>;
  readonly search?: string;
}

/** The names of {@link filterOptions}, as commander keeps them. */
export type FilterName = keyof FilterOptions;

/** @param except options that a command gives another meaning; `-q` has the same filters under all commands */
export function addFilterOptions(command: Command, except: readonly FilterName[] = []): Command {
  for (const option of filterOptions())
    if (!(except as readonly string[]).includes(option.attributeName())) command.addOption(option);
  return command;
}

function filterOptions(): Option[] {
  const past = (text: string): string => pastOption(text, Date.now());
  const option = (flags: string, description: string, parse: (text: string, earlier: never) => unknown): Option =>
    new Option(flags, description).argParser(parse as (text: string, earlier: unknown) => unknown);
  return [
    option(
      "-q, --query <text>",
      'filters and text in one line, as in "type:webhook status:failed since:2h"',
      readQuery,
    ),
    Object.assign(option("--status <status>", "of this status; several are separated by commas", statusList), {
      argChoices: STATUSES,
    }),
    option("--type <type>", "of this type; several are separated by commas", listed),
    option("--tag <tag>", "with this tag; repeat the option for several", repeated),
    option("--group <key>", "of this group_key; repeat the option for several", repeated),
    option("--error-code <code>", "with an error of this code; several are separated by commas", listed),
    option("--since <time>", "accepted since: a time ago such as 2h or 7d, or an RFC 3339 time", past),
    option("--until <time>", "accepted before, in the same forms", past),
    option("--finished-since <time>", "finished since, in the same forms", past),
    option("--finished-until <time>", "finished before, in the same forms", past),
    option("--retry-of <id>", "that run this job again", listed),
    option("--worker <id>", "whose latest attempt is on this replica; several are separated by commas", listed),
    option("--payload <path=value>", "with this value at this path of the payload, as in order.id=42", payloadValue),
    option("--search <text>", "with this text in the payload or in the error message", (text: string) => text),
  ];
}

function repeated(text: string, earlier: readonly string[] = []): string[] {
  return [...earlier, text];
}

function listed(text: string, earlier: readonly string[] = []): string[] {
  return [...earlier, ...text.split(",")];
}

function statusList(text: string, earlier: readonly string[] = []): string[] {
  const statuses = text.split(",");
  if (!statuses.every((status) => (STATUSES as readonly string[]).includes(status)))
    throw new InvalidArgumentError(`Allowed choices are ${STATUSES.join(", ")}.`);
  return [...earlier, ...statuses];
}

function payloadValue(text: string, earlier: Readonly<Record<string, string>> = {}): Record<string, string> {
  const [, path, value] = /^([^=]+)=([^]+)$/.exec(text) ?? [];
  if (path === undefined || value === undefined)
    throw new InvalidArgumentError("Expected PATH=VALUE, such as order.id=42.");
  if (Object.hasOwn(earlier, path)) throw new InvalidArgumentError(`${path} is given twice.`);
  return Object.fromEntries([...Object.entries(earlier), [path, value]]);
}

function readQuery(text: string): ListFilters {
  const read = readFilterText(text, Date.now());
  if ("issues" in read) throw new InvalidArgumentError(read.issues.map(({ message }) => message).join("\n"));
  return read.filters;
}

/**
 * Converts the given options to the filters of the client.
 * @throws StartError if `-q` and an option give the same filter: the two could be meant as "both" and as "either"
 */
export function filtersOf(options: FilterOptions): ListFilters {
  const { query = {}, status, type, tag, group, errorCode, since, until, finishedSince, finishedUntil } = options;
  const { retryOf, worker, payload, search } = options;
  const all: Readonly<Record<keyof ListFilters, unknown>> = {
    status,
    type,
    tag,
    groupKey: group,
    errorCode,
    createdAfter: since,
    createdBefore: until,
    finishedAfter: finishedSince,
    finishedBefore: finishedUntil,
    retryOf,
    worker,
    payload,
    q: search,
  };
  const given = Object.entries(all).filter(([, value]) => value !== undefined);
  const twice = given.find(([name]) => Object.hasOwn(query, name));
  if (twice)
    throw new StartError(`-q and an option both filter by ${WORDS[twice[0] as keyof ListFilters]}: use one of them.`);
  return { ...query, ...Object.fromEntries(given) };
}

const WORDS: Readonly<Record<keyof ListFilters, string>> = {
  status: "status",
  type: "type",
  tag: "tag",
  groupKey: "group",
  errorCode: "error code",
  createdAfter: "the earliest time of acceptance",
  createdBefore: "the latest time of acceptance",
  finishedAfter: "the earliest end",
  finishedBefore: "the latest end",
  retryOf: "the original job",
  worker: "replica",
  payload: "payload",
  q: "text",
};

/** ` of type webhook, with tag nightly`: describes the filters, apart from the status, for the user. */
export function filtersText({ payload = {}, q, ...filters }: ListFilters): string {
  const all = [
    ["of type", filters.type],
    ["with tag", filters.tag],
    ["of group", filters.groupKey],
    ["that ended in", filters.errorCode],
    ["accepted since", filters.createdAfter],
    ["accepted before", filters.createdBefore],
    ["finished since", filters.finishedAfter],
    ["finished before", filters.finishedBefore],
    ["that run again", filters.retryOf],
    ["on replica", filters.worker],
    ...Object.entries(payload).map(([path, value]) => ["with payload", `${path}=${value}`] as const),
    ["with text", q === undefined ? q : JSON.stringify(q)],
  ] as const;
  const words = all.flatMap(([what, value]) => (value === undefined ? [] : [`${what} ${valueText(value)}`]));
  return words.length === 0 ? "" : ` ${words.join(", ")}`;
}

/** `failed or cancelled`. */
export function valueText(value: string | Date | readonly string[]): string {
  return value instanceof Date ? timeText(value.toISOString()) : typeof value === "string" ? value : value.join(" or ");
}
