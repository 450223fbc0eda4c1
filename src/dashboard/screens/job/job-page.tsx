/** One job: its state and why, its timeline, attempts, payload and result, and what can be done with it. */
import type { JSX } from "preact";
import { Fragment } from "preact";
import type { Job, Why as WhyAnswer } from "../../../client/taskflow.ts";
import { href, route } from "../../app/router.ts";
import type { ScreenProps } from "../../app/screens.ts";
import type { StoredJob } from "../../data/exact-json.ts";
import { useResource } from "../../data/resource.ts";
import { CopyButton } from "../../parts/copy.tsx";
import { countOf } from "../../parts/format.ts";
import { JsonView } from "../../parts/json-view.tsx";
import { Link } from "../../parts/link.tsx";
import { Page, Panel } from "../../parts/page.tsx";
import { Loaded } from "../../parts/problem.tsx";
import { isFinished, Status } from "../../parts/status.tsx";
import { Tabs } from "../../parts/tabs.tsx";
import { Time } from "../../parts/time.tsx";
import { AttemptList } from "./attempt-list.tsx";
import { EditJob } from "./edit-job.tsx";
import { JobActions } from "./job-actions.tsx";
import { CopyAs, JobDetails } from "./job-details.tsx";
import { endingOf, unavailableFor } from "./job-text.ts";
import { RelatedJobs } from "./related-jobs.tsx";
import { ResultPanel } from "./result-panel.tsx";
import { TimelineChart } from "./timeline-chart.tsx";
import type { LiveJob } from "./use-job.ts";
import { useJob } from "./use-job.ts";

export function JobPage({ item = "" }: ScreenProps): JSX.Element {
  const live = useJob(item);
  const type = live.stored.data?.job.type;
  const job = live.stored.data?.job;
  return (
    <Page
      title={type === undefined ? "Job" : `${type} ${item}`}
      heading={
        <span class="job-heading">
          {type ?? "Job"} <span class="mono">{item}</span>
          <CopyButton text={item} label="Copy the id">
            Copy
          </CopyButton>
        </span>
      }
      actions={job && <JobActions job={job} />}
    >
      <Loaded of={live.stored}>
        {(stored) => (
          <>
            <StateLine job={stored.job} progress={live.progress} />
            <Views stored={stored} live={live} />
          </>
        )}
      </Loaded>
    </Page>
  );
}

function StateLine({ job, progress }: { readonly job: Job; readonly progress: number | null }): JSX.Element {
  const shown = job.status === "running" ? (progress ?? job.progress) : null;
  return (
    <div class="job-state" role="status">
      <Status value={job.status} progress={shown} />
      {isFinished(job.status) ? (
        <span>
          {endingOf(job)} <span class="muted">{<Time at={job.finished_at} />}</span>
        </span>
      ) : (
        <Why job={job} />
      )}
      {job.status === "failed" && job.error !== null ? <span class="job-error">{job.error.message}</span> : null}
    </div>
  );
}

const WHY_EVERY_MS = 2_000;

function Why({ job }: { readonly job: Job }): JSX.Element {
  const { id } = job;
  const { data } = useResource(`job ${id} why`, (api, signal) => api.why(id, { signal }), { everyMs: WHY_EVERY_MS });
  return (
    <span class="job-why">
      {data && data.waiting_for.length > 0 ? <WaitingFor job={job} nodes={data.waiting_for} /> : (data?.detail ?? "")}
      {data && data.until !== null ? (
        <>
          {" "}
          <span class="muted">
            Due <Time at={data.until} />.
          </span>
        </>
      ) : null}
    </span>
  );
}

/** More names would be a list, which the graph of the flow shows better. */
const NODES_SHOWN = 5;

interface WaitingForProps {
  readonly job: Job;
  readonly nodes: WhyAnswer["waiting_for"];
}

/** The nodes of its flow that the job waits for. */
function WaitingFor({ job, nodes }: WaitingForProps): JSX.Element {
  const flow = job.flow_id ?? job.batch_id ?? "";
  const shown = nodes.length > NODES_SHOWN ? nodes.slice(0, NODES_SHOWN - 1) : nodes;
  return (
    <>
      It waits for{" "}
      {shown.map(({ node, job_id: id, status }, at) => (
        <Fragment key={node}>
          {at === 0 ? "" : ", "}
          <Link to={id === null ? href(["flows", flow], { node }) : href(["jobs", id])} title={status}>
            {node}
          </Link>
        </Fragment>
      ))}
      {shown.length < nodes.length ? ` and ${countOf(nodes.length - shown.length, "other")}` : ""} of its{" "}
      {job.flow_id === null ? "batch" : "flow"}.
    </>
  );
}

type View = "job" | "edit" | "json";

function Views({ stored, live }: { readonly stored: StoredJob; readonly live: LiveJob }): JSX.Element {
  const { job, payloadJson } = stored;
  const wanted = route().query.get("view");
  const canEdit = payloadJson !== undefined && unavailableFor("edit", job) === undefined;
  const view: View = wanted === "json" ? "json" : wanted === "edit" && canEdit ? "edit" : "job";
  const tab = (key: View, text: string) => ({
    key,
    to: href(["jobs", job.id], key === "job" ? {} : { view: key }),
    text,
    isCurrent: key === view,
  });
  const tabs = [
    tab("job", "Job"),
    tab("json", "Raw JSON"),
    ...(view === "edit" ? [tab("edit", "Edit and retry")] : []),
  ];
  return (
    <>
      <Tabs label="Views of the job" tabs={tabs} />
      {view === "edit" && payloadJson !== undefined ? <EditJob job={job} payloadJson={payloadJson} /> : null}
      {view === "json" ? (
        <Panel title="Raw JSON" aside="As the API returns it">
          <JsonView json={stored.json} label="the job" />
        </Panel>
      ) : null}
      {view === "job" ? <JobView stored={stored} live={live} /> : null}
    </>
  );
}

function JobView({ stored, live }: { readonly stored: StoredJob; readonly live: LiveJob }): JSX.Element {
  const { job, payloadJson } = stored;
  return (
    <div class="job-columns">
      <div class="job-main">
        <Panel title="Timeline">
          <div class="panel-body job-timeline">
            {live.attempts.data ? <TimelineChart job={job} attempts={live.attempts.data} /> : null}
          </div>
        </Panel>
        <ResultPanel stored={stored} />
        <Loaded of={live.attempts}>{(attempts) => <AttemptList attempts={attempts} lines={live.lines} />}</Loaded>
        <Panel
          title="Payload"
          aside={payloadJson === undefined ? null : <CopyAs job={job} payloadJson={payloadJson} />}
        >
          {payloadJson === undefined ? (
            <div class="empty">
              {job.erased_at === null
                ? "The payload has more than 32,768 characters: the API does not show it."
                : "The payload was erased."}
            </div>
          ) : (
            <JsonView json={payloadJson} label="the payload" />
          )}
        </Panel>
      </div>
      <div class="job-side">
        <JobDetails job={job} />
        <RelatedJobs job={job} />
      </div>
    </div>
  );
}
