/** The flow or batch that a job belongs to. */
import type { JSX } from "preact";
import type { Job } from "../../../client/taskflow.ts";
import { href } from "../../app/router.ts";
import { Fact } from "../../parts/fact.tsx";
import { Link } from "../../parts/link.tsx";

export function MemberFacts({ job }: { readonly job: Job }): JSX.Element | null {
  const { flow_id: flow, batch_id: batch, node } = job;
  const id = flow ?? batch;
  if (id === null) return null;
  return (
    <>
      <Fact title={flow === null ? "Batch" : "Flow"}>
        <Link to={href(["flows", id])} class="mono">
          {id}
        </Link>
      </Fact>
      {node === null ? null : <Fact title={flow === null ? "Callback" : "Node"}>{node}</Fact>}
    </>
  );
}
