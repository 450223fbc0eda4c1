/** The rules and the dates of a schedule. */
import type { JSX } from "preact";
import type { Schedule } from "../../../client/taskflow.ts";
import { href } from "../../app/router.ts";
import { Fact } from "../../parts/fact.tsx";
import { filterWord } from "../../parts/filter-words.ts";
import { countText, durationText } from "../../parts/format.ts";
import { Link } from "../../parts/link.tsx";
import { Panel } from "../../parts/page.tsx";
import { Time } from "../../parts/time.tsx";
import { jobTypeIn } from "./job-type-in.ts";

const OVERLAPS: Readonly<Record<Schedule["overlap"], string>> = {
  skip: "skips the tick",
  allow: "runs both jobs",
  queue_one: "waits for the end",
  cancel_previous: "cancels the job before",
};

export function ScheduleFacts({ schedule }: { readonly schedule: Schedule }): JSX.Element {
  const {
    overlap,
    catch_up: catchUp,
    jitter_ms: jitterMs,
    max_runs: maxRuns,
    pause_after_failures: failures,
  } = schedule;
  const type = jobTypeIn(schedule.job);
  return (
    <Panel title="Rules">
      <dl class="side-facts panel-body">
        <Fact title="Job type">
          <Link to={href(["jobs"], { q: filterWord("type", [type]) })}>{type}</Link>
        </Fact>
        <Fact title="Overlap">{OVERLAPS[overlap]}</Fact>
        <Fact title="Catch up">{catchUpText(catchUp)}</Fact>
        {jitterMs === 0 ? null : <Fact title="Jitter">up to {durationText(jitterMs)}</Fact>}
        {schedule.start_at === null ? null : (
          <Fact title="From">
            <Time at={schedule.start_at} format="exact" />
          </Fact>
        )}
        {schedule.end_at === null ? null : (
          <Fact title="To">
            <Time at={schedule.end_at} format="exact" />
          </Fact>
        )}
        {maxRuns === null ? null : <Fact title="Ends after">{countText(maxRuns)} ticks</Fact>}
        {failures === null ? null : <Fact title="Pauses after">{countText(failures)} failures in a row</Fact>}
        <Fact title="Created">
          <Time at={schedule.created_at} />
        </Fact>
        <Fact title="Changed">
          <Time at={schedule.updated_at} />
        </Fact>
      </dl>
    </Panel>
  );
}

function catchUpText({ policy, within_ms: withinMs, max }: Schedule["catch_up"]): string {
  const within = withinMs === null ? "" : `, up to ${durationText(withinMs)} old`;
  if (policy === "none") return "none";
  return policy === "last" ? `the last tick${within}` : `up to ${countText(max)} ticks${within}`;
}
