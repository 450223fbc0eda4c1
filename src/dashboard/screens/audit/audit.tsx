/** Who changed what, when, and how many. */
import type { JSX } from "preact";
import type { AuditEntry } from "../../../client/taskflow.ts";
import { href, route, setQuery } from "../../app/router.ts";
import { useResource } from "../../data/resource.ts";
import { can } from "../../data/session.ts";
import { Button } from "../../parts/button.tsx";
import { countText } from "../../parts/format.ts";
import { Link } from "../../parts/link.tsx";
import { Page, Panel } from "../../parts/page.tsx";
import { Loaded } from "../../parts/problem.tsx";
import type { Column } from "../../parts/table.tsx";
import { Table } from "../../parts/table.tsx";
import { Time } from "../../parts/time.tsx";
import { ACTIONS, readBulkTarget } from "./audit-text.ts";

const STEP = 50;
const READ_EVERY_MS = 5_000;

export function Audit(): JSX.Element {
  const { query } = route();
  const action = query.get("action") ?? "";
  const key = query.get("key") ?? "";
  const shown = Math.min(1_000, Math.max(STEP, Number(query.get("show")) || STEP));
  const entries = useResource(
    `audit ${action} ${key} ${shown}`,
    async (api, signal) => {
      const list: AuditEntry[] = [];
      // one entry more than is shown says whether there are more
      const filters = { action: action || undefined, key: key || undefined };
      for await (const entry of api.audit({ ...filters, pageSize: Math.min(1_000, shown + 1), signal })) {
        list.push(entry);
        if (list.length > shown) break;
      }
      return list;
    },
    { everyMs: READ_EVERY_MS },
  );
  if (!can("admin"))
    return (
      <Page title="Audit">
        <p class="muted">The audit log needs the scope admin.</p>
      </Page>
    );
  return (
    <Page title="Audit" actions={<Filters action={action} apiKey={key} />}>
      <Loaded of={entries}>
        {(list) => (
          <Panel title="Changes, newest first">
            <Table
              caption="Audit log"
              columns={COLUMNS}
              rows={list.slice(0, shown)}
              idOf={({ id }) => id}
              empty={action === "" && key === "" ? "Nothing was changed yet." : "No change matches these filters."}
            />
            {list.length > shown ? (
              <div class="more">
                <Button onPress={() => setQuery({ show: String(shown + STEP) })}>Show more</Button>
              </div>
            ) : null}
          </Panel>
        )}
      </Loaded>
    </Page>
  );
}

function Filters({ action, apiKey }: { readonly action: string; readonly apiKey: string }): JSX.Element {
  return (
    <>
      <label class="inline">
        <span>Action</span>
        <select
          value={action}
          onChange={({ currentTarget }) => setQuery({ action: currentTarget.value }, { push: true })}
        >
          <option value="">All</option>
          {Object.entries(ACTIONS).map(([name, text]) => (
            <option key={name} value={name}>
              {text}
            </option>
          ))}
        </select>
      </label>
      <label class="inline">
        <span>Who</span>
        <input
          class="field"
          type="search"
          placeholder="Name of a key or user"
          value={apiKey}
          onChange={({ currentTarget }) => setQuery({ key: currentTarget.value.trim() }, { push: true })}
        />
      </label>
    </>
  );
}

const COLUMNS: readonly Column<AuditEntry>[] = [
  { key: "at", title: "When", cell: ({ at }) => <Time at={at} /> },
  { key: "who", title: "Who", cell: ({ key }) => key?.name ?? <span class="muted">no key</span> },
  { key: "action", title: "Action", cell: ({ action }) => ACTIONS[action] ?? action },
  { key: "target", title: "What", cell: (entry) => <Target entry={entry} /> },
  {
    key: "count",
    title: "Jobs",
    align: "end",
    cell: ({ count }) => (count === null ? <span class="muted">–</span> : countText(count)),
  },
  {
    key: "job",
    title: "Result",
    cell: ({ job_id: id }) => (id === null ? null : <Link to={href(["jobs", id])}>Job</Link>),
  },
  {
    key: "request",
    title: "Request",
    cell: ({ request_id: id }) => (id === null ? null : <code class="muted">{id}</code>),
    isMinor: true,
  },
];

function Target({ entry }: { readonly entry: AuditEntry }): JSX.Element {
  const { target, details } = entry;
  const bulk = readBulkTarget(target);
  const more = Object.entries({ ...bulk?.parameters, ...details })
    .map(([name, value]) => `${name}: ${textOf(value)}`)
    .join(", ");
  return (
    <span class="cut audit-target" title={more === "" ? target : `${target}\n${more}`}>
      <TargetLink entry={entry} filterText={bulk && (bulk.filterText ?? null)} />
      {more === "" ? null : <span class="muted"> {more}</span>}
    </span>
  );
}

interface TargetLinkProps {
  readonly entry: AuditEntry;
  /** Undefined for a target without filters, null for filters that no filter text has. */
  readonly filterText: string | null | undefined;
}

function TargetLink({ entry: { action, target }, filterText }: TargetLinkProps): JSX.Element {
  if (filterText === null) return <code>{target}</code>;
  if (filterText !== undefined)
    return <Link to={href(["jobs"], { q: filterText })}>{filterText === "" ? "all jobs" : filterText}</Link>;
  if (action.startsWith("jobs.")) return <Link to={href(["jobs", target])}>{target}</Link>;
  if (action.startsWith("queues.")) return <Link to={href(["queues", target])}>{target}</Link>;
  if (action.startsWith("schedules.")) return <Link to={href(["schedules", target])}>{target}</Link>;
  if (action.startsWith("destinations.")) return <Link to={href(["destinations"], { row: target })}>{target}</Link>;
  return <>{target}</>;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
