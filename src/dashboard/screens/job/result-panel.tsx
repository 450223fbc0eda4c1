/** The result of a completed job: what its type produced, and the JSON. */
import type { JSX } from "preact";
import type { StoredJob } from "../../data/exact-json.ts";
import { durationText } from "../../parts/format.ts";
import { JsonView } from "../../parts/json-view.tsx";
import { Panel } from "../../parts/page.tsx";
import { ArtifactList } from "./artifact-list.tsx";
import { artifactsIn } from "./artifacts.ts";

export function ResultPanel({ stored: { job, resultJson } }: { readonly stored: StoredJob }): JSX.Element | null {
  if (resultJson === undefined) return null;
  const artifacts = artifactsIn(job.result, Date.now());
  return (
    <Panel title="Result">
      {artifacts.length > 0 ? <ArtifactList id={job.id} artifacts={artifacts} /> : null}
      {job.type === "email" ? <Recipients result={job.result} /> : null}
      {job.type === "webhook" ? <Response result={job.result} /> : null}
      <JsonView json={resultJson} label="the result" />
    </Panel>
  );
}

function Recipients({ result }: { readonly result: unknown }): JSX.Element | null {
  const { accepted, rejected, response } = (result ?? {}) as Record<string, unknown>;
  const rows = [
    ...textsIn(accepted).map((address) => [address, "accepted", "completed"] as const),
    ...textsIn(rejected).map((address) => [address, "rejected", "failed"] as const),
  ];
  if (rows.length === 0) return null;
  return (
    <div class="table-scroll">
      <table>
        <caption class="off-screen">Recipients</caption>
        <thead>
          <tr>
            <th scope="col">Recipient</th>
            <th scope="col">The mail server has</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(([address, text, status], at) => (
            <tr key={at}>
              <td>{address}</td>
              <td>
                <span class={`status status-${status}`}>{text} it</span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {typeof response === "string" ? <p class="result-note muted">{response}</p> : null}
    </div>
  );
}

function textsIn(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
}

function Response({ result }: { readonly result: unknown }): JSX.Element | null {
  const { status, duration_ms: durationMs, response_excerpt: excerpt } = (result ?? {}) as Record<string, unknown>;
  if (typeof status !== "number") return null;
  return (
    <>
      <p class="result-note">
        The server answered with <strong>status {status}</strong>
        {typeof durationMs === "number" ? ` after ${durationText(durationMs)}` : ""}
        {excerpt === "" ? ", without a body." : "."}
      </p>
      {typeof excerpt === "string" && excerpt !== "" ? (
        <pre class="text" tabIndex={0} role="region" aria-label="The beginning of the response">
          {excerpt}
        </pre>
      ) : null}
    </>
  );
}
