/** The messages in the mail catcher, which runs on a development machine without a mail server. */
import type { JSX } from "preact";
import type { MailSummary } from "../../../client/taskflow.ts";
import { TaskFlowError } from "../../../client/taskflow.ts";
import { href } from "../../app/router.ts";
import { useResource } from "../../data/resource.ts";
import { countOf } from "../../parts/format.ts";
import { Link } from "../../parts/link.tsx";
import { Page, Panel } from "../../parts/page.tsx";
import { Loaded } from "../../parts/problem.tsx";
import type { Column } from "../../parts/table.tsx";
import { Table } from "../../parts/table.tsx";
import { Time } from "../../parts/time.tsx";

const READ_EVERY_MS = 2_000;

export function Mail(): JSX.Element {
  const mails = useResource("mails", (api, signal) => api.mails({ signal }), { everyMs: READ_EVERY_MS });
  if (mails.error instanceof TaskFlowError && mails.error.status === 404)
    return (
      <Page title="Mail">
        <p class="muted lead">
          No mail catcher runs: this server sends its mail through SMTP_URL. A development machine without SMTP_URL
          catches all messages and shows them here.
        </p>
      </Page>
    );
  return (
    <Page title="Mail">
      <Loaded of={mails}>
        {(list) => (
          <Panel title={countOf(list.length, "caught message")} aside="These messages were not delivered to anyone.">
            <div class="mails">
              <Table
                caption="Caught messages"
                columns={COLUMNS}
                rows={list}
                idOf={({ id }) => id}
                hrefOf={({ id }) => href(["mail", id])}
                empty={
                  <>
                    No message yet. <Link to={href(["new", "email"])}>Send an email</Link>
                  </>
                }
              />
            </div>
          </Panel>
        )}
      </Loaded>
    </Page>
  );
}

const COLUMNS: readonly Column<MailSummary>[] = [
  {
    key: "subject",
    title: "Subject",
    cell: ({ id, subject }) => (
      <Link to={href(["mail", id])} class="cut">
        {subject === "" ? "(no subject)" : subject}
      </Link>
    ),
  },
  { key: "from", title: "From", cell: ({ from }) => <span class="cut">{from}</span>, isMinor: true },
  { key: "to", title: "To", cell: ({ to }) => <span class="cut">{to.join(", ")}</span> },
  { key: "at", title: "Received", align: "end", cell: ({ receivedAtMs }) => <Time at={receivedAtMs} /> },
];
