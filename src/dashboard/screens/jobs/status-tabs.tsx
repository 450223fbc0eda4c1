/** The tabs of the statuses, which edit `status:` in the filter text, and the saved views beside them. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Stats, Status } from "../../../client/taskflow.ts";
import { href } from "../../app/router.ts";
import { useResource } from "../../data/resource.ts";
import { Button } from "../../parts/button.tsx";
import { hasOnly, valuesIn, withFilter } from "../../parts/filter-words.ts";
import { countText, shortCount } from "../../parts/format.ts";
import { Link } from "../../parts/link.tsx";
import { closeMenu, Menu } from "../../parts/menu.tsx";
import { STATUSES } from "../../parts/status.tsx";
import { Tabs } from "../../parts/tabs.tsx";
import type { View } from "./views.ts";
import { deleteView, LONGEST_NAME, savedViews, saveView } from "./views.ts";

const REFRESH_MS = 2_000;

interface StatusTabsProps {
  /** The filter text. */
  readonly text: string;
  /** As in the URL. */
  readonly columns: string | null;
}

export function StatusTabs({ text, columns }: StatusTabsProps): JSX.Element {
  const { data: stats } = useResource("stats", (api, signal) => api.stats({ signal }), { everyMs: REFRESH_MS });
  const counts = countsFor(text, stats);
  const current = valuesIn(text, "status");
  const tab = (status: Status | undefined): Parameters<typeof Tabs>[0]["tabs"][number] => {
    const count = status === undefined ? totalOf(counts) : counts?.[status];
    return {
      key: status ?? "all",
      to: urlOf(withFilter(text, "status", status === undefined ? [] : [status]), columns),
      text: (
        <>
          {status === undefined ? "All" : capitalized(status)}
          <span class="tab-count" title={count === undefined ? undefined : countText(count)}>
            {count === undefined ? "" : shortCount(count)}
          </span>
        </>
      ),
      isCurrent: status === undefined ? current.length === 0 : current.length === 1 && current[0] === status,
    };
  };
  return <Tabs label="Status" tabs={[undefined, ...STATUSES].map(tab)} />;
}

type Counts = Readonly<Record<Status, number>>;

/** The job counts; undefined where the text has filters by which jobs are not counted. */
function countsFor(text: string, stats: Stats | undefined): Counts | undefined {
  if (!stats || !hasOnly(text, ["status", "type"])) return undefined;
  const types = valuesIn(text, "type");
  if (types.length === 0) return stats.totals;
  const counted = [...new Set(types)].flatMap((type) => stats.by_type[type] ?? []);
  const sum = (status: Status): number => counted.reduce((total, counts) => total + counts[status], 0);
  return Object.fromEntries(STATUSES.map((status) => [status, sum(status)])) as Record<Status, number>;
}

function totalOf(counts: Counts | undefined): number | undefined {
  return counts && Object.values(counts).reduce((total, count) => total + count, 0);
}

function capitalized(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

function urlOf(q: string, columns: string | null): string {
  return href(["jobs"], { ...(q !== "" && { q }), ...(columns !== null && { columns }) });
}

export function SavedViews({ text, columns }: StatusTabsProps): JSX.Element {
  const [views, setViews] = useState(savedViews);
  const remove = ({ name }: View): void => {
    deleteView(name);
    setViews(savedViews());
  };
  const save = (name: string): void => {
    saveView({ name, q: text, columns });
    setViews(savedViews());
  };
  return (
    <div class="views">
      {views.length > 0 ? (
        <ul aria-label="Saved views">
          {views.map((view) => (
            <li key={view.name}>
              <Link
                to={urlOf(view.q, view.columns)}
                title={view.q}
                isCurrent={view.q === text && view.columns === columns}
              >
                {view.name}
              </Link>
              <Button kind="quiet" label={`Delete the view ${view.name}`} onPress={() => remove(view)}>
                ×
              </Button>
            </li>
          ))}
        </ul>
      ) : null}
      <SaveMenu onSave={save} />
    </div>
  );
}

function SaveMenu({ onSave }: { readonly onSave: (name: string) => void }): JSX.Element {
  const [name, setName] = useState("");
  const onSubmit = (event: SubmitEvent): void => {
    event.preventDefault();
    if (name.trim() === "") return;
    onSave(name.trim());
    setName("");
    if (event.currentTarget instanceof Element) closeMenu(event.currentTarget);
  };
  return (
    <Menu label="Save view" kind="end">
      <form class="column-add" onSubmit={onSubmit}>
        <input
          class="field"
          type="text"
          aria-label="Name of the view"
          placeholder="Name of the view"
          maxLength={LONGEST_NAME}
          required
          autocomplete="off"
          value={name}
          onInput={({ currentTarget }) => setName(currentTarget.value)}
        />
        <button type="submit" class="button">
          Save
        </button>
      </form>
      <p class="muted">This browser keeps the filter and the columns under this name.</p>
    </Menu>
  );
}
