/** Submits a job: first its type, then its payload and options. */
import type { JSX } from "preact";
import type { TypeDescription } from "../../../client/taskflow.ts";
import { href } from "../../app/router.ts";
import type { ScreenProps } from "../../app/screens.ts";
import { useResource } from "../../data/resource.ts";
import { Link } from "../../parts/link.tsx";
import { Page, Panel } from "../../parts/page.tsx";
import { Loaded } from "../../parts/problem.tsx";
import { JobForm } from "./job-form.tsx";
import { offeredTypes } from "./offered-types.ts";

export function NewJob({ item }: ScreenProps): JSX.Element {
  const types = useResource("types", (api, signal) => api.types({ signal }));
  return (
    <Page
      title={item === undefined ? "New job" : `New ${item}`}
      actions={item === undefined ? undefined : <Link to={href(["new"])}>All types</Link>}
    >
      <Loaded of={types}>{(list) => (item === undefined ? <TypeList types={list} /> : formOf(item, list))}</Loaded>
    </Page>
  );
}

function formOf(item: string, types: readonly TypeDescription[]): JSX.Element {
  const type = offeredTypes(types).find((each) => each.type === item);
  if (type) return <JobForm type={type} />;
  return types.some((each) => each.type === item) ? (
    <p>
      Jobs of the type <code>{item}</code> are not submitted here: select jobs on the{" "}
      <Link to={href(["jobs"])}>list of jobs</Link>, and choose what to do with them.
    </p>
  ) : (
    <p>
      There is no job type <code>{item}</code>. <Link to={href(["new"])}>Choose one of all types</Link>
    </p>
  );
}

function TypeList({ types }: { readonly types: readonly TypeDescription[] }): JSX.Element {
  const offered = offeredTypes(types);
  const own = offered.filter(({ is_built_in: isBuiltIn }) => isBuiltIn !== true);
  return (
    <>
      <TypePanel title="Built-in types" types={offered.filter(({ is_built_in: isBuiltIn }) => isBuiltIn === true)} />
      {own.length === 0 ? null : <TypePanel title="Types of this installation" types={own} />}
    </>
  );
}

interface TypePanelProps {
  readonly title: string;
  readonly types: readonly TypeDescription[];
}

function TypePanel({ title, types }: TypePanelProps): JSX.Element {
  return (
    <Panel title={title}>
      <ul class="types">
        {types.map(({ type, description, replicas }) => (
          <li key={type}>
            <Link to={href(["new", type])}>
              <span class="types-name">{type}</span>
              <span class="muted">
                {description ?? "No description."}
                {replicas.length === 0 ? " No replica runs it now: its jobs wait." : ""}
              </span>
            </Link>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
