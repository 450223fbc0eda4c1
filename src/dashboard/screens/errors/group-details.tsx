/** The details of an error: its message, when it occurred, jobs that failed with it, and what can be done. */
import type { JSX } from "preact";
import { TaskFlowError } from "../../../client/taskflow.ts";
import { href } from "../../app/router.ts";
import { useResource } from "../../data/resource.ts";
import { Button } from "../../parts/button.tsx";
import { CopyButton } from "../../parts/copy.tsx";
import { countOf } from "../../parts/format.ts";
import { Link } from "../../parts/link.tsx";
import { Time } from "../../parts/time.tsx";
import { ErrorText } from "../../parts/toasts.tsx";
import { NOT_ONE_CAUSE, Signature } from "./columns.tsx";
import type { ErrorGroup, GroupFilter } from "./group-filter.ts";
import { foundByText, isOther, noteOf } from "./group-filter.ts";

interface GroupDetailsProps {
  readonly group: ErrorGroup;
  readonly filter: GroupFilter;
  readonly onRerun: (group: ErrorGroup) => void;
}

export function GroupDetails({ group, filter, onRerun }: GroupDetailsProps): JSX.Element {
  const { type, code, signature, count, first_seen: first, last_seen: last, examples } = group;
  return (
    <div class="group-details">
      <section>
        <h3>Error</h3>
        <p class="whole-signature">{isOther(group) ? NOT_ONE_CAUSE : <Signature text={signature} />}</p>
        <dl class="facts">
          <dt>Type</dt>
          <dd>
            <Link to={href(["queues", type])}>{type}</Link>
          </dd>
          <dt>Code</dt>
          <dd>
            <code>{code}</code>
          </dd>
          <dt>First seen</dt>
          <dd>
            <Time at={first} format="exact" />
          </dd>
          <dt>Last seen</dt>
          <dd>
            <Time at={last} format="exact" />
          </dd>
        </dl>
      </section>
      <section>
        <h3>Latest examples</h3>
        {examples.length === 0 ? <p class="muted">The jobs of this error were erased.</p> : null}
        <ul class="examples">
          {examples.map((id) => (
            <Example key={id} id={id} />
          ))}
        </ul>
      </section>
      <footer>
        <p class="muted">{isOther(group) ? "" : `${foundByText(filter)} ${noteOf(filter) ?? ""}`}</p>
        <div class="actions">
          <CopyButton text={signature}>Copy the message</CopyButton>
          <Link to={href(["jobs"], { q: filter.text })} class="button">
            Open the jobs
          </Link>
          <Button
            kind="primary"
            scope="submit"
            unavailable={isOther(group) ? NOT_ONE_CAUSE : undefined}
            onPress={() => onRerun(group)}
          >
            Re-run {countOf(count, "job")}…
          </Button>
        </div>
      </footer>
    </div>
  );
}

/** A link to a job, with its own message. */
function Example({ id }: { readonly id: string }): JSX.Element {
  const { data: job, error } = useResource(`example ${id}`, (api, signal) => api.get(id, { signal }));
  return (
    <li>
      <Link to={href(["jobs", id])} class="mono" title={id}>
        {id}
      </Link>
      <span class="example-message" title={job?.error?.message}>
        {job ? (
          <>
            <Time at={job.finished_at} /> <span class="muted">{job.error?.message}</span>
          </>
        ) : error instanceof TaskFlowError && error.status === 404 ? (
          <span class="muted">This job is no longer kept.</span>
        ) : error ? (
          <ErrorText error={error} />
        ) : null}
      </span>
    </li>
  );
}
