/** Which schedules are listed; the URL has it. */
import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import { useKeys } from "../../app/keys.ts";
import { href, setQuery } from "../../app/router.ts";
import { useResource } from "../../data/resource.ts";
import { Tabs } from "../../parts/tabs.tsx";

interface ScheduleFiltersProps {
  readonly type?: string | undefined;
  readonly state?: string | undefined;
  readonly tag?: string | undefined;
}

const STATES = [
  [undefined, "All"],
  ["active", "Active"],
  ["paused", "Paused"],
  ["ended", "Ended"],
] as const;

export function ScheduleFilters({ type, state, tag }: ScheduleFiltersProps): JSX.Element {
  const tags = useRef<HTMLInputElement>(null);
  useKeys("Schedules", { "/": { text: "Filter by tag", run: () => tags.current?.focus() } });
  const others = { ...(type !== undefined && { type }), ...(tag !== undefined && { tag }) };
  return (
    <>
      <Tabs
        label="State"
        tabs={STATES.map(([value, text]) => ({
          key: text,
          to: href(["schedules"], { ...others, ...(value !== undefined && { state: value }) }),
          text,
          isCurrent: value === state,
        }))}
      />
      <div class="schedule-filters">
        <TypeFilter type={type} />
        <label class="inline">
          <span>Tag</span>
          <input
            ref={tags}
            key={tag}
            class="field"
            type="search"
            autocomplete="off"
            spellcheck={false}
            defaultValue={tag ?? ""}
            onChange={({ currentTarget }) =>
              setQuery({ tag: currentTarget.value.trim(), cursor: null, row: null }, { push: true })
            }
          />
        </label>
      </div>
    </>
  );
}

function TypeFilter({ type }: { readonly type: string | undefined }): JSX.Element {
  const { data = [] } = useResource("types", (api, signal) => api.types({ signal }));
  const types = [...new Set([...data.map((each) => each.type), ...(type === undefined ? [] : [type])])].sort();
  return (
    <label class="inline">
      <span>Type</span>
      <select
        value={type ?? ""}
        onChange={({ currentTarget }) =>
          setQuery({ type: currentTarget.value, cursor: null, row: null }, { push: true })
        }
      >
        <option value="">All</option>
        {types.map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
    </label>
  );
}
