/** The groups that the screen shows: read again every few seconds, in an order that stays. */
import { useRef, useState } from "preact/hooks";
import type { ErrorGroups } from "../../../client/taskflow.ts";
import type { Resource } from "../../data/resource.ts";
import { useResource } from "../../data/resource.ts";
import type { ShownRange } from "../../parts/range.tsx";
import { errorTimes } from "./error-times.ts";
import type { ErrorGroup } from "./group-filter.ts";
import type { Arrangement, Sort } from "./group-order.ts";
import { arranged } from "./group-order.ts";

const READ_EVERY_MS = 5_000;

interface Shown extends Arrangement {
  readonly answer: ErrorGroups;
  /** Of which range, type and order. */
  readonly key: string;
}

export interface ShownGroups {
  readonly resource: Resource<ErrorGroups>;
  /** Undefined before the first answer. Of the range before until the first answer for a new one. */
  readonly shown: Shown | undefined;
  /** Shows the latest groups in the latest order. */
  readonly update: () => void;
}

/** @param type undefined for all */
export function useShownGroups(range: ShownRange, type: string | undefined, sort: Sort): ShownGroups {
  const resource = useResource(
    `errors ${range.key} ${type ?? ""}`,
    (api, signal) => api.errors({ ...errorTimes({ ...range.current(), preset: range.preset }), type, signal }),
    { everyMs: READ_EVERY_MS },
  );
  const [, render] = useState(0);
  const last = useRef<Shown | undefined>(undefined);
  const key = `${range.key} ${type ?? ""} ${sort}`;
  const { data } = resource;
  if (data && (last.current?.answer !== data || last.current.key !== key)) {
    const rows: readonly ErrorGroup[] = last.current?.key === key ? last.current.rows : [];
    last.current = { ...arranged(rows, data.errors, sort), answer: data, key };
  }
  const update = (): void => {
    if (last.current) last.current = { ...last.current, ...arranged([], last.current.answer.errors, sort) };
    render((count) => count + 1);
  };
  return { resource, shown: last.current, update };
}
