/** Which errors are shown, and in which order; the URL has both. */
import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import { useKeys } from "../../app/keys.ts";
import { setQuery } from "../../app/router.ts";
import { useResource } from "../../data/resource.ts";
import type { Sort } from "./group-order.ts";

interface TypeAndOrderProps {
  /** Undefined for all. */
  readonly type: string | undefined;
  readonly sort: Sort;
}

export function TypeAndOrder({ type, sort }: TypeAndOrderProps): JSX.Element {
  const { data = [] } = useResource("types", (api, signal) => api.types({ signal }));
  const select = useRef<HTMLSelectElement>(null);
  useKeys("Errors", { "/": { text: "Filter by type", run: () => select.current?.focus() } });
  const types = [...new Set([...data.map((each) => each.type), ...(type === undefined ? [] : [type])])].sort();
  return (
    <>
      <label class="inline">
        <span>Type</span>
        <select
          ref={select}
          value={type ?? ""}
          onChange={({ currentTarget }) => setQuery({ type: currentTarget.value }, { push: true })}
        >
          <option value="">All</option>
          {types.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label class="inline">
        <span>Sort by</span>
        <select
          value={sort}
          onChange={({ currentTarget: { value } }) =>
            setQuery({ sort: value === "count" ? null : value }, { push: true })
          }
        >
          <option value="count">Most failures</option>
          <option value="last">Last seen</option>
        </select>
      </label>
    </>
  );
}
