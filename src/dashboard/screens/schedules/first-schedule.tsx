/** The starting point where there is no schedule: what it is, and an example that can be created at once. */
import type { JSX } from "preact";
import { href, navigate } from "../../app/router.ts";
import { putScheduleJson } from "../../data/exact-json.ts";
import { Button } from "../../parts/button.tsx";
import { JsonView } from "../../parts/json-view.tsx";
import { Panel } from "../../parts/page.tsx";
import { notify } from "../../parts/toasts.tsx";
import { EXAMPLE, exampleText } from "./example.ts";
import { NewLink } from "./new-link.tsx";

export function FirstSchedule(): JSX.Element {
  const create = async (): Promise<void> => {
    await putScheduleJson(EXAMPLE, exampleText(), {});
    notify("The schedule is created. Its first job runs at the next full minute.");
    navigate(href(["schedules", EXAMPLE]));
  };
  return (
    <>
      <p class="lead">
        There are no schedules yet. A schedule submits a job at each of its ticks, such as every night at three. Any
        replica may fire a tick, and exactly one job results.
      </p>
      <Panel title="An example" aside={EXAMPLE}>
        <p class="panel-body muted">
          It writes one row to a CSV file at each full minute. The templates become the time of the tick. Pause or
          delete it whenever you like.
        </p>
        <JsonView json={exampleText()} label="example" />
        <div class="panel-body actions first-schedule">
          <Button kind="primary" scope="admin" onPress={create}>
            Create this schedule
          </Button>
          <NewLink kind="plain" />
        </div>
      </Panel>
    </>
  );
}
