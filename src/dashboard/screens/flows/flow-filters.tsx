/** Which flows are listed; the URL has it. */
import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import { useKeys } from "../../app/keys.ts";
import { href, setQuery } from "../../app/router.ts";
import { Tabs } from "../../parts/tabs.tsx";
import type { FlowKind, FlowStatus } from "./flow-nodes.ts";
import { FLOW_KINDS, FLOW_STATUSES, KIND_TEXTS } from "./flow-nodes.ts";

export interface Filters {
  readonly status?: FlowStatus;
  readonly kind?: FlowKind;
  readonly name?: string;
  readonly cursor?: string;
}

/** Values that the URL cannot have are as if they were not there. */
export function filtersOf(query: URLSearchParams): Filters {
  const status = FLOW_STATUSES.find((each) => each === query.get("status"));
  const kind = FLOW_KINDS.find((each) => each === query.get("kind"));
  const [name, cursor] = [query.get("name"), query.get("cursor")];
  return { ...(status && { status }), ...(kind && { kind }), ...(name && { name }), ...(cursor && { cursor }) };
}

const TABS = [undefined, ...FLOW_STATUSES] as const;

export function FlowFilters({ status, kind, name }: Filters): JSX.Element {
  const names = useRef<HTMLInputElement>(null);
  useKeys("Flows", { "/": { text: "Filter by name", run: () => names.current?.focus() } });
  const others = { ...(kind !== undefined && { kind }), ...(name !== undefined && { name }) };
  const change = (filter: "kind" | "name", value: string): void =>
    setQuery({ [filter]: value, cursor: null, row: null }, { push: true });
  return (
    <>
      <Tabs
        label="Status"
        tabs={TABS.map((value) => ({
          key: value ?? "all",
          to: href(["flows"], { ...others, ...(value !== undefined && { status: value }) }),
          text: value === undefined ? "All" : value.charAt(0).toUpperCase() + value.slice(1),
          isCurrent: value === status,
        }))}
      />
      <div class="flow-filters">
        <label class="inline">
          <span>Kind</span>
          <select value={kind ?? ""} onChange={({ currentTarget }) => change("kind", currentTarget.value)}>
            <option value="">All</option>
            {FLOW_KINDS.map((value) => (
              <option key={value} value={value}>
                {KIND_TEXTS[value]}
              </option>
            ))}
          </select>
        </label>
        <label class="inline">
          <span>Name</span>
          <input
            ref={names}
            key={name}
            class="field"
            type="search"
            autocomplete="off"
            spellcheck={false}
            maxLength={128}
            placeholder="The whole name"
            defaultValue={name ?? ""}
            onChange={({ currentTarget }) => change("name", currentTarget.value)}
          />
        </label>
      </div>
    </>
  );
}
