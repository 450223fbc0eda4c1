/** The jobs that belong to this one. */
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { Job, JobSummary, TaskFlow } from "../../../client/taskflow.ts";
import { href } from "../../app/router.ts";
import { useResource } from "../../data/resource.ts";
import { Fact } from "../../parts/fact.tsx";
import { Link } from "../../parts/link.tsx";
import { Panel } from "../../parts/page.tsx";
import { Status } from "../../parts/status.tsx";
import { Time } from "../../parts/time.tsx";
import { filterTextOfTarget } from "../audit/audit-text.ts";
import { filtersOf } from "./job-text.ts";
import { MemberFacts } from "./member-facts.tsx";

const MAX_RETRIES = 10;
const READ_EVERY_MS = 10_000;

export function RelatedJobs({ job }: { readonly job: Job }): JSX.Element | null {
  const list = useResource(`job ${job.id} retries`, (api, signal) => retriesOf(api, job.id, signal), {
    everyMs: READ_EVERY_MS,
  });
  const { data: retries = [] } = list;
  useEffect(() => {
    if (list.data) list.refresh(); // the user comes back, perhaps from the retry that this list does not have yet
  }, [job.id]);
  const filters = filtersOf(job);
  const filterText = filters === undefined ? undefined : filterTextOfTarget(filters);
  const links = [
    ["Runs again", job.retry_of],
    ["Its callback", job.callback_job],
    ["Callback of", job.callback_of],
  ] as const;
  const known = links.filter(([, id]) => typeof id === "string");
  const { schedule, flow_id: flow, batch_id: batch } = job;
  const isMember = flow !== null || batch !== null;
  if (known.length === 0 && retries.length === 0 && filterText === undefined && schedule === null && !isMember)
    return null;
  return (
    <Panel title="Related">
      <dl class="side-facts panel-body">
        <MemberFacts job={job} />
        {schedule === null ? null : <ScheduleFacts {...schedule} />}
        {known.map(([title, id]) => (
          <div key={title}>
            <dt>{title}</dt>
            <dd>
              <Link to={href(["jobs", id ?? ""])} class="mono">
                {id}
              </Link>
            </dd>
          </div>
        ))}
        {filterText === undefined ? null : (
          <div>
            <dt>Acts on</dt>
            <dd>
              <Link to={href(["jobs"], filterText === "" ? {} : { q: filterText })}>
                {filterText === "" ? "all jobs" : filterText}
              </Link>
            </dd>
          </div>
        )}
        {retries.length === 0 ? null : (
          <div>
            <dt>Run again as</dt>
            <dd>
              <RetryList job={job} retries={retries} />
            </dd>
          </div>
        )}
      </dl>
    </Panel>
  );
}

/** The schedule that has submitted the job, and the tick for which it did. */
function ScheduleFacts({ name, tick }: NonNullable<Job["schedule"]>): JSX.Element {
  return (
    <>
      <Fact title="Schedule">
        <Link to={href(["schedules", name])}>{name}</Link>
      </Fact>
      <Fact title="Tick">
        <Time at={tick} format="exact" />
      </Fact>
    </>
  );
}

function RetryList({ job, retries }: { readonly job: Job; readonly retries: readonly JobSummary[] }): JSX.Element {
  return (
    <ul class="retries">
      {retries.slice(0, MAX_RETRIES).map(({ id, status, created_at: createdAt }) => (
        <li key={id}>
          <Link to={href(["jobs", id])} class="mono">
            {id}
          </Link>{" "}
          <Status value={status} /> <Time at={createdAt} />
        </li>
      ))}
      {retries.length > MAX_RETRIES ? (
        <li>
          <Link to={href(["jobs"], { q: `retry-of:${job.id}` })}>All of them</Link>
        </li>
      ) : null}
    </ul>
  );
}

/** One more than are shown, so that the screen knows of others. */
async function retriesOf(api: TaskFlow, id: string, signal: AbortSignal): Promise<JobSummary[]> {
  const found: JobSummary[] = [];
  for await (const job of api.list({ retryOf: id, view: "summary", pageSize: MAX_RETRIES + 1, signal })) {
    found.push(job);
    if (found.length > MAX_RETRIES) break;
  }
  return found;
}
