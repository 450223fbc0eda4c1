import type { JSX } from "preact";
import { href } from "../../app/router.ts";
import { useWatchedJob } from "../../data/watched-job.ts";
import { Elapsed } from "../../parts/elapsed.tsx";
import { Link } from "../../parts/link.tsx";
import { isFinished, Status } from "../../parts/status.tsx";
import { ErrorText } from "../../parts/toasts.tsx";

/** The job that was submitted last, until it ends. */
export function SubmittedJob({ id }: { readonly id: string }): JSX.Element {
  const { job, error } = useWatchedJob(id);
  if (!job) return error ? <ErrorText error={error} /> : <span class="muted">Submitted…</span>;
  const { status, progress, created_at: created, finished_at: finished } = job;
  return (
    <>
      <Status value={status} progress={progress} />
      {isFinished(status) && finished !== null ? (
        <span class="muted nowrap">
          after <Elapsed from={Date.parse(created)} to={Date.parse(finished)} />
        </span>
      ) : null}
      <Link to={href(["jobs", id])}>Open the job</Link>
      {job.error === null ? null : (
        <span class="error-text submitted-error" title={job.error.message}>
          {job.error.message}
        </span>
      )}
    </>
  );
}
