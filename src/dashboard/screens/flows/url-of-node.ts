import { href, route } from "../../app/router.ts";
import type { NamedNode } from "./flow-nodes.ts";

/** Where the jobs of a node are: the screen of its job, or its batch on the screen of the flow. */
export function urlOfNode(flowId: string, { name, job_id: job }: NamedNode): string {
  if (job !== null) return href(["jobs", job]);
  const [view, zoom] = [route().query.get("view"), route().query.get("zoom")];
  return href(["flows", flowId], {
    ...(view === "list" && { view }),
    ...(zoom !== null && { zoom }),
    node: name,
  });
}
