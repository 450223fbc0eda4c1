/** The starting point: three buttons, each of which submits a real job and shows it running on the spot. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Job } from "../../../client/taskflow.ts";
import { href, route, setQuery } from "../../app/router.ts";
import { useLiveJobs } from "../../data/live.ts";
import { refreshResources, useResource } from "../../data/resource.ts";
import { client } from "../../data/session.ts";
import { Button } from "../../parts/button.tsx";
import { durationText } from "../../parts/format.ts";
import { Link } from "../../parts/link.tsx";
import { isFinished, Status } from "../../parts/status.tsx";
import { ErrorText } from "../../parts/toasts.tsx";
import { samplePicture } from "./sample-picture.ts";
import { SampleResult } from "./sample-result.tsx";
import type { Sample } from "./samples.ts";
import { payloadOf, SAMPLES } from "./samples.ts";

/** For servers whose events do not reach the browser, such as behind a proxy that buffers. */
const READ_EVERY_MS = 2_000;

export function TryIt(): JSX.Element {
  return (
    <div class="samples">
      {SAMPLES.map((sample) => (
        <SampleCard key={sample.name} sample={sample} />
      ))}
    </div>
  );
}

/** Whether the URL has a job of the starting point. */
export function hasSample(): boolean {
  return SAMPLES.some(({ name }) => route().query.has(name));
}

function SampleCard({ sample }: { readonly sample: Sample }): JSX.Element {
  const { name, type, action, text } = sample;
  const id = route().query.get(name);
  const submit = async (): Promise<void> => {
    const job = await client().submit(type, payloadOf(name, samplePicture));
    setQuery({ [name]: job.id });
    refreshResources("stats");
  };
  return (
    <section class="sample" aria-label={action}>
      <p class="muted">{text}</p>
      <Button onPress={submit} scope="submit" kind={id === null ? "primary" : "plain"}>
        {action}
      </Button>
      <div class="sample-job" aria-live="polite">
        {id === null ? null : <SampleJob key={id} id={id} sample={sample} />}
      </div>
    </section>
  );
}

function SampleJob({ id, sample }: { readonly id: string; readonly sample: Sample }): JSX.Element {
  const [isOver, setOver] = useState(false);
  const {
    data: read,
    error,
    refresh,
  } = useResource(`sample/${id}`, (api, signal) => api.get(id, { signal }), {
    everyMs: isOver ? 0 : READ_EVERY_MS,
  });
  const live = useLiveStatus(id, isOver, refresh);
  const isReadOver = read !== undefined && isFinished(read.status);
  useEffect(() => setOver(isReadOver), [isReadOver]);
  if (!read) return error ? <ErrorText error={error} /> : <span class="muted">Submitted…</span>;
  const shown = isReadOver ? read : { ...read, ...live };
  return (
    <>
      <p class="sample-status">
        <Status value={shown.status} progress={shown.progress} />
        <span class="muted">{tookText(read)}</span>
        <Link to={href(["jobs", id])}>Open the job</Link>
      </p>
      {read.status === "completed" ? <SampleResult name={sample.name} job={read} /> : null}
      {read.error === null ? null : <p class="error-text">{read.error.message}</p>}
    </>
  );
}

type LiveStatus = Partial<Pick<Job, "status" | "progress">>;

/** The status as the events have it; the end of the job is read, because events have no result. */
function useLiveStatus(id: string, isOver: boolean, refresh: () => void): LiveStatus {
  const [live, setLive] = useState<LiveStatus>({});
  useLiveJobs(isOver ? [] : [id], {
    onChange: ({ status, progress }) => {
      if (isFinished(status)) refresh();
      else setLive({ status, progress });
    },
    onGap: refresh,
  });
  return live;
}

function tookText({ created_at: created, finished_at: finished }: Job): string {
  return finished === null ? "" : `in ${durationText(Date.parse(finished) - Date.parse(created))}`;
}
