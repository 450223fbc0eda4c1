/** The starting point where there is no flow: what it is, and an example that can be submitted at once. */
import type { JSX } from "preact";
import { href, navigate } from "../../app/router.ts";
import { client } from "../../data/session.ts";
import { Button } from "../../parts/button.tsx";
import { JsonView } from "../../parts/json-view.tsx";
import { Panel } from "../../parts/page.tsx";
import { EXAMPLE } from "./example.ts";

export function FirstFlow(): JSX.Element {
  const submit = async (): Promise<void> => {
    const { id } = await client().flows.submit(EXAMPLE);
    navigate(href(["flows", id]));
  };
  return (
    <>
      <p class="lead">
        There are no flows yet. A flow is a set of jobs that wait for each other and use each other's results. A batch
        is many jobs with one callback after the last of them.
      </p>
      <Panel title="An example" aside="POST /api/v1/flows">
        <p class="panel-body muted">
          It exports two tables and a batch of four more, then writes a report with their results, and tidies up however
          that ended.
        </p>
        <JsonView json={JSON.stringify(EXAMPLE)} label="the example" />
        <div class="panel-body actions first-flow">
          <Button kind="primary" scope="submit" onPress={submit}>
            Submit this flow
          </Button>
        </div>
      </Panel>
    </>
  );
}
