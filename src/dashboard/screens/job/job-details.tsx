/** The facts of a job, and the job as a command. */
import type { JSX } from "preact";
import type { Job } from "../../../client/taskflow.ts";
import { SERVER_URL } from "../../app/base.ts";
import { href } from "../../app/router.ts";
import { currentKey } from "../../data/session.ts";
import { CopyButton } from "../../parts/copy.tsx";
import { asCli, asCurl, asTypeScript } from "../../parts/copy-as.ts";
import { Fact } from "../../parts/fact.tsx";
import { filterWord } from "../../parts/filter-words.ts";
import { Link } from "../../parts/link.tsx";
import { Panel } from "../../parts/page.tsx";
import { Time } from "../../parts/time.tsx";

export function JobDetails({ job }: { readonly job: Job }): JSX.Element {
  const { type, group_key: group, tags, worker } = job;
  return (
    <Panel title="Details">
      <dl class="side-facts panel-body">
        <Fact title="Id">
          <span class="mono">{job.id}</span>
        </Fact>
        <Fact title="Type">
          <Link to={href(["jobs"], { q: filterWord("type", [type]) })}>{type}</Link>
        </Fact>
        <Fact title="Attempts">
          {job.attempt} of {job.max_attempts}
        </Fact>
        <Fact title="Priority">{job.priority}</Fact>
        {group === null ? null : (
          <Fact title="Group">
            <Link to={href(["jobs"], { q: filterWord("group", [group]) })}>{group}</Link>
          </Fact>
        )}
        {tags.length === 0 ? null : (
          <Fact title="Tags">
            {tags.map((tag) => (
              <Link key={tag} to={href(["jobs"], { q: filterWord("tag", [tag]) })} class="tag">
                {tag}
              </Link>
            ))}
          </Fact>
        )}
        <Fact title="Replica">
          {worker === null ? "–" : <Link to={href(["replicas"], { row: worker })}>{worker}</Link>}
        </Fact>
        <Fact title="Accepted">
          <Time at={job.created_at} />
        </Fact>
        <TimeFact title="Not before" at={job.run_at} />
        <TimeFact title="Expires" at={job.expires_at} />
        <Fact title="Started">
          <Time at={job.started_at} />
        </Fact>
        <Fact title="Finished">
          <Time at={job.finished_at} />
        </Fact>
        <Fact title="Durability">{job.durability}</Fact>
        <TimeFact title="Erased" at={job.erased_at} />
      </dl>
    </Panel>
  );
}

/** Nothing for a job that lacks the time. */
function TimeFact({ title, at }: { readonly title: string; readonly at: string | null }): JSX.Element | null {
  if (at === null) return null;
  return (
    <Fact title={title}>
      <Time at={at} />
    </Fact>
  );
}

/** Commands that submit the same job again. */
export function CopyAs({ job, payloadJson }: { readonly job: Job; readonly payloadJson: string }): JSX.Element {
  const copied = { ...job, payloadJson };
  const target = { url: SERVER_URL, hasKey: currentKey() !== undefined };
  return (
    <span class="copy-as">
      <span class="muted">Copy as</span>
      <CopyButton text={() => asCurl(copied, target)} label="Copy as curl">
        curl
      </CopyButton>
      <CopyButton text={() => asTypeScript(copied, target)} label="Copy as TypeScript">
        TypeScript
      </CopyButton>
      <CopyButton text={() => asCli(copied, target)} label="Copy as a command of the CLI">
        CLI
      </CopyButton>
    </span>
  );
}
