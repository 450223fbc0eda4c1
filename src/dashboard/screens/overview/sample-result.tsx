/** What a job of the starting point made: the caught message, the picture itself, the first lines of the file. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Job, TaskFlow } from "../../../client/taskflow.ts";
import { TaskFlowError } from "../../../client/taskflow.ts";
import { href } from "../../app/router.ts";
import { useResource } from "../../data/resource.ts";
import { countOf } from "../../parts/format.ts";
import { Link } from "../../parts/link.tsx";
import { Loaded } from "../../parts/problem.tsx";
import type { SampleName } from "./samples.ts";

const LINES = 4;
/** The first lines of the sample's file are much shorter. */
const EXCERPT_BYTES = 1_000;
/** The message of the job is among the latest ones. */
const MAILS_READ = 10;

export function SampleResult({ name, job }: { readonly name: SampleName; readonly job: Job }): JSX.Element {
  if (name === "email") return <EmailResult job={job} />;
  return name === "image" ? <ImageResult job={job} /> : <ExportResult job={job} />;
}

interface ResultProps {
  readonly job: Job;
}

function EmailResult({ job }: ResultProps): JSX.Element {
  const { message_id: messageId, response } = job.result as { readonly message_id: string; readonly response: string };
  const message = useResource(`sample-mail/${job.id}`, (api, signal) => caughtMail(api, messageId, signal));
  return (
    <Loaded of={message}>
      {(id) =>
        id === null ? (
          <p>
            The mail server accepted it: <span class="muted">{response}</span>
          </p>
        ) : (
          <p>
            <Link to={href(["mail", id])}>Read the caught message</Link>
          </p>
        )
      }
    </Loaded>
  );
}

/** @returns the id of the message in the mail catcher; null without a catcher */
async function caughtMail(api: TaskFlow, messageId: string, signal: AbortSignal): Promise<string | null> {
  try {
    for (const { id } of (await api.mails({ signal })).slice(0, MAILS_READ))
      if ((await api.mail(id, { signal })).message_id === messageId) return id;
    return null;
  } catch (error) {
    if (error instanceof TaskFlowError && error.status === 404) return null;
    throw error;
  }
}

interface Output {
  readonly artifact: string;
  readonly width: number;
  readonly height: number;
}

function ImageResult({ job }: ResultProps): JSX.Element | null {
  const [output] = (job.result as { readonly outputs: readonly Output[] }).outputs;
  return output ? <ImageOutput job={job} output={output} /> : null;
}

function ImageOutput({ job, output }: ResultProps & { readonly output: Output }): JSX.Element {
  const picture = useResource(`sample-picture/${job.id}`, async (api, signal) =>
    (await api.artifact(job.id, output.artifact, { signal })).blob(),
  );
  return (
    <div style={{ aspectRatio: `${output.width} / ${output.height}`, maxWidth: `${output.width}px` }}>
      <Loaded of={picture}>{(blob) => <Picture blob={blob} output={output} />}</Loaded>
    </div>
  );
}

/** The file is read with the user's key, which the browser would not send for an image of the page. */
function Picture({ blob, output }: { readonly blob: Blob; readonly output: Output }): JSX.Element {
  const [url, setUrl] = useState<string | undefined>(undefined);
  useEffect(() => {
    const made = URL.createObjectURL(blob);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [blob]);
  return (
    <img
      class="sample-picture"
      src={url}
      width={output.width}
      height={output.height}
      alt={`The resized picture, ${output.width} × ${output.height} pixels: hills before an evening sky`}
    />
  );
}

function ExportResult({ job }: ResultProps): JSX.Element {
  const { artifact, rows } = job.result as { readonly artifact: string; readonly rows: number };
  const lines = useResource(`sample-lines/${job.id}`, async (api, signal) => {
    const response = await api.artifact(job.id, artifact, { range: { start: 0, end: EXCERPT_BYTES - 1 }, signal });
    return (await response.text()).split(/\r?\n/).slice(0, LINES);
  });
  return (
    <Loaded of={lines}>
      {(first) => (
        <pre class="sample-lines" tabIndex={0} role="region" aria-label="The first lines of the file">
          {first.join("\n")}
          {"\n"}
          <span class="muted">{`… ${countOf(rows, "row")} in ${artifact}`}</span>
        </pre>
      )}
    </Loaded>
  );
}
