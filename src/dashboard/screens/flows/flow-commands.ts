/** Commands and code that follow a flow or batch to its end. */
import type { FlowSummary } from "../../../client/taskflow.ts";
import type { CopyTarget } from "../../parts/copy-as.ts";
import { shellQuoted } from "../../parts/copy-as.ts";

type Named = Pick<FlowSummary, "id" | "kind">;

export function flowAsCurl({ id, kind }: Named, { url, hasKey }: CopyTarget): string {
  return [
    `curl -N ${shellQuoted(`${url}/api/v1/${kind === "batch" ? "batches" : "flows"}/${id}/events`)}`,
    ...(hasKey ? ['-H "Authorization: Bearer $TASKFLOW_API_KEY"'] : []),
  ].join(" \\\n  ");
}

/** The command reads the API key from TASKFLOW_API_KEY. */
export function flowAsCli({ id, kind }: Named, { url }: CopyTarget): string {
  return `taskflow ${kind === "batch" ? "batch" : "flow"} get ${id} --url ${shellQuoted(url)}`;
}

export function flowAsTypeScript({ id, kind }: Named, { url, hasKey }: CopyTarget): string {
  const key = hasKey ? ', apiKey: process.env["TASKFLOW_API_KEY"]' : "";
  return [
    'import { TaskFlow } from "taskflow/client";',
    "",
    `const client = new TaskFlow({ url: ${JSON.stringify(url)}${key} });`,
    `const ended = await client.${kind === "batch" ? "batches" : "flows"}.waitFor(${JSON.stringify(id)});`,
    "console.log(ended.status);",
  ].join("\n");
}
