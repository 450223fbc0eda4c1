/** The statuses that mean success and those that are retried: the job's own lists, or the default ones. */
import { Type } from "typebox";
import type { PayloadIssue } from "../../core/job-type.ts";
import { meaningOf, type StatusMeaning } from "../../net/http-outcome.ts";

/** One status, or a class of statuses such as `2xx`. */
const status = Type.Union([
  Type.Integer({ minimum: 100, maximum: 999 }),
  Type.String({ pattern: "^[1-9]xx$", expected: "a status, or a class of them such as 2xx" }),
]);
const lists = { minItems: 1, maxItems: 50 };

/** The fields for a payload's schema. */
export const statusFields = {
  success_statuses: Type.Optional(
    Type.Array(status, {
      ...lists,
      description:
        'Statuses that are success, instead of 2xx, such as ["2xx", 409]. A single status wins over a class such as 4xx.',
    }),
  ),
  retry_statuses: Type.Optional(
    Type.Array(status, {
      ...lists,
      description: "Statuses that are retried, instead of 408, 425, 429 and 5xx. All other statuses are final.",
    }),
  ),
};

export interface NamedStatuses {
  readonly success_statuses?: readonly (number | string)[];
  readonly retry_statuses?: readonly (number | string)[];
}

/** The meaning of a status for a delivery: by the job's lists, otherwise the usual meaning. */
export function meaningFor(
  code: number,
  { success_statuses: success, retry_statuses: retry }: NamedStatuses,
): StatusMeaning {
  if (success !== undefined || retry !== undefined) {
    for (const name of [code, `${Math.floor(code / 100)}xx`]) {
      if (success?.includes(name) === true) return "success";
      if (retry?.includes(name) === true) return "retry";
    }
  }
  const usual = meaningOf(code);
  const isReplaced = usual === "success" ? success !== undefined : retry !== undefined;
  return isReplaced ? "final" : usual;
}

/** The statuses that are in both lists, as issues. */
export function statusIssues({
  success_statuses: success = [],
  retry_statuses: retry = [],
}: NamedStatuses): PayloadIssue[] {
  return retry.flatMap((name, i) =>
    success.includes(name) ? [{ path: `/retry_statuses/${i}`, message: "is in success_statuses too" }] : [],
  );
}
