/** `GET /dev/mail`: what the mail catcher of a machine without a mail server has caught. There is none in a deployment. */
import type { Answer, ApiRequest } from "./exchange.ts";
import { json } from "./exchange.ts";
import { problem } from "./problem.ts";

/** What the API needs of a mail catcher. */
export interface CaughtMails {
  list(): Promise<readonly object[]>;
  read(id: string): Promise<CaughtMessage | undefined>;
}

interface CaughtMessage {
  readonly subject?: string | undefined;
  readonly from?: { readonly text: string } | undefined;
  readonly to?: { readonly text: string } | readonly { readonly text: string }[] | undefined;
  readonly messageId?: string | undefined;
  readonly text?: string | undefined;
  readonly html?: string | false | undefined;
  readonly attachments: readonly { readonly filename?: string | undefined; readonly contentType: string; readonly size: number }[];
}

export function listMail(mail: CaughtMails): () => Promise<Answer> {
  return async () => json(200, JSON.stringify({ mail: await mail.list() }));
}

export function readMail(mail: CaughtMails): (request: ApiRequest) => Promise<Answer> {
  return async ({ params }) => {
    const message = await mail.read(params[0] ?? "");
    if (!message) return problem(404, "mail_not_found", "There is no message with this id.");
    const { subject, from, to, messageId, text, html, attachments } = message;
    const files = attachments.map(({ filename, contentType, size }) => ({ filename, content_type: contentType, bytes: size }));
    return json(200, JSON.stringify({ message_id: messageId, from: from?.text, to: [to ?? []].flat().map((each) => each.text), subject, text, html: html || undefined, attachments: files }));
  };
}
