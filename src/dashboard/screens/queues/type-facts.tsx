/** What a job type is, and which replicas run it. */
import type { JSX } from "preact";
import type { QueueDetail, TypeDescription } from "../../../client/taskflow.ts";
import { href } from "../../app/router.ts";
import { useResource } from "../../data/resource.ts";
import { durationText } from "../../parts/format.ts";
import { JsonView } from "../../parts/json-view.tsx";
import { Link } from "../../parts/link.tsx";
import { Panel } from "../../parts/page.tsx";

export function TypeFacts({ queue: { type, replicas } }: { readonly queue: QueueDetail }): JSX.Element {
  const { data: types } = useResource("types", (api, signal) => api.types({ signal }));
  const description = types?.find((each) => each.type === type);
  return (
    <Panel title="Type">
      <div class="panel-body queue-facts">
        {description?.description ? <p>{description.description}</p> : null}
        <dl class="facts">
          <dt>Lane</dt>
          <dd>{description?.lane ?? "–"}</dd>
          <dt>Attempts</dt>
          <dd>{description?.max_attempts ?? "–"}</dd>
          <dt>Timeout</dt>
          <dd>{durationText(description?.timeout_ms)}</dd>
          <dt>Backoff</dt>
          <dd>{backoffText(description?.backoff)}</dd>
          <dt>Replicas</dt>
          <dd>
            {replicas.length === 0 ? "none" : null}
            {replicas.map((id) => (
              <Link key={id} to={href(["replicas"], { row: id })} class="queue-replica mono">
                {id}
              </Link>
            ))}
          </dd>
        </dl>
      </div>
      {description?.payload_schema ? (
        <details class="queue-schema">
          <summary>Schema of the payload</summary>
          <JsonView json={JSON.stringify(description.payload_schema)} label="the schema" />
        </details>
      ) : null}
    </Panel>
  );
}

/** `exponential, from 1 s to 10 min` */
function backoffText(backoff: TypeDescription["backoff"] | undefined): string {
  if (!backoff) return "–";
  const { kind, base_ms: baseMs, max_ms: maxMs } = backoff;
  return kind === "fixed"
    ? `fixed, ${durationText(baseMs)}`
    : `exponential, from ${durationText(baseMs)} to ${durationText(maxMs)}`;
}
