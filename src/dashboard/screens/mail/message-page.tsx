/** One message of the mail catcher. */
import type { JSX } from "preact";
import type { Mail } from "../../../client/taskflow.ts";
import { href, route } from "../../app/router.ts";
import type { ScreenProps } from "../../app/screens.ts";
import { useResource } from "../../data/resource.ts";
import { client, currentKey } from "../../data/session.ts";
import { Download } from "../../parts/download.tsx";
import { bytesText } from "../../parts/format.ts";
import { Link } from "../../parts/link.tsx";
import { Page, Panel } from "../../parts/page.tsx";
import { Loaded } from "../../parts/problem.tsx";
import { Tabs } from "../../parts/tabs.tsx";

export function MessagePage({ item = "" }: ScreenProps): JSX.Element {
  const message = useResource(`mail ${item}`, (api, signal) => api.mail(item, { signal }));
  const subject = message.data?.subject ?? "Message";
  return (
    <Page title={subject} actions={<Link to={href(["mail"])}>All messages</Link>}>
      <Loaded of={message}>
        {({ from, to, text, html, attachments }) => (
          <>
            <dl class="facts">
              <dt>From</dt>
              <dd>{from}</dd>
              <dt>To</dt>
              <dd>{to.join(", ")}</dd>
            </dl>
            <Body id={item} text={text} hasHtml={html !== undefined} />
            {attachments.length > 0 ? (
              <Panel title="Attachments">
                <ul class="attachments">
                  {attachments.map((attachment, at) => (
                    <Attachment key={at} id={item} number={at} attachment={attachment} />
                  ))}
                </ul>
              </Panel>
            ) : null}
          </>
        )}
      </Loaded>
    </Page>
  );
}

interface AttachmentProps {
  readonly id: string;
  /** From 0. */
  readonly number: number;
  readonly attachment: Mail["attachments"][number];
}

function Attachment({ id, number, attachment }: AttachmentProps): JSX.Element {
  const { filename = `attachment ${number + 1}`, content_type: type, bytes } = attachment;
  const part = `attachment-${number}`;
  return (
    <li>
      <span class="attachment-name">{filename}</span>
      <span class="muted">
        {type}, {bytesText(bytes)}
      </span>
      <Download name={filename} url={client().mailPartUrl(id, part)} load={() => client().mailPart(id, part)} />
    </li>
  );
}

interface BodyProps {
  readonly id: string;
  readonly text: string | undefined;
  readonly hasHtml: boolean;
}

/** The HTML is in a frame whose policy allows no scripts. The frame cannot send an API key, so with one, the text is shown. */
function Body({ id, text, hasHtml }: BodyProps): JSX.Element {
  const canFrame = hasHtml && currentKey() === undefined;
  const isText = !canFrame || route().query.get("view") === "text";
  return (
    <>
      {canFrame && text !== undefined ? (
        <Tabs
          label="Parts"
          tabs={[
            { key: "html", to: href(["mail", id]), text: "HTML", isCurrent: !isText },
            { key: "text", to: href(["mail", id], { view: "text" }), text: "Text", isCurrent: isText },
          ]}
        />
      ) : null}
      <Panel title={isText ? "Text" : "HTML"}>
        {isText ? (
          <pre class="text">{text ?? "The message has no text part."}</pre>
        ) : (
          <iframe class="mail-frame" title="The message" src={client().mailPartUrl(id, "html")} sandbox="" />
        )}
      </Panel>
    </>
  );
}
