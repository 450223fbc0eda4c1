/**
 * `GET /dev/mail`: the messages in the mail catcher, which exists only on a development machine without a mail server.
 */
import { Readable } from "node:stream";
import type { Answer, ApiRequest } from "../http/exchange.ts";
import { json } from "../http/exchange.ts";
import { problem } from "../http/problem.ts";
import { listPage, messagePage } from "./mail-page.ts";

/** The part of the mail catcher that the API uses. */
export interface CaughtMails {
  list(): Promise<readonly CaughtSummary[]>;
  read(id: string): Promise<CaughtMessage | undefined>;
  /** The raw message. */
  source(id: string): Promise<Buffer | undefined>;
}

export interface CaughtSummary {
  readonly id: string;
  readonly receivedAtMs: number;
  readonly from: string;
  readonly subject: string;
  readonly to: readonly string[];
}

export interface CaughtMessage {
  readonly subject?: string | undefined;
  readonly from?: { readonly text: string } | undefined;
  readonly to?: { readonly text: string } | readonly { readonly text: string }[] | undefined;
  readonly messageId?: string | undefined;
  readonly text?: string | undefined;
  readonly html?: string | false | undefined;
  readonly headerLines: readonly { readonly line: string }[];
  readonly attachments: readonly {
    readonly filename?: string | undefined;
    readonly contentType: string;
    readonly size: number;
    readonly content: Buffer;
  }[];
}

const NOT_FOUND = problem(404, "mail_not_found", "There is no message with this id, or it has no such part.");
const NEVER_SNIFFED = ["X-Content-Type-Options", "nosniff"] as const;
const PAGE_POLICY = [
  "Content-Security-Policy",
  "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
] as const;
/** For the HTML of a message: no scripts, forms or external content, and a separate origin even outside the frame. */
const MESSAGE_POLICY = [
  "Content-Security-Policy",
  "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; base-uri 'none'; form-action 'none'",
] as const;

function htmlPage(body: string): Answer {
  return { status: 200, contentType: "text/html; charset=utf-8", headers: [PAGE_POLICY, NEVER_SNIFFED], body };
}

/** A page for a browser, JSON for everything else. */
function wantsPage({ headers }: ApiRequest): boolean {
  return headers.accept.toLowerCase().includes("text/html");
}

export function listMail(mail: CaughtMails): (request: ApiRequest) => Promise<Answer> {
  return async (request) => {
    const mails = await mail.list();
    return wantsPage(request) ? htmlPage(listPage(mails)) : json(200, JSON.stringify({ mail: mails }));
  };
}

export function readMail(mail: CaughtMails): (request: ApiRequest) => Promise<Answer> {
  return async (request) => {
    const [id = ""] = request.params;
    const message = await mail.read(id);
    if (!message) return NOT_FOUND;
    if (wantsPage(request)) return htmlPage(messagePage(id, message));
    const { subject, from, to, messageId, text, html, attachments } = message;
    const files = attachments.map(({ filename, contentType, size }) => ({
      filename,
      content_type: contentType,
      bytes: size,
    }));
    return json(
      200,
      JSON.stringify({
        message_id: messageId,
        from: from?.text,
        to: [to ?? []].flat().map((each) => each.text),
        subject,
        text,
        html: html || undefined,
        attachments: files,
      }),
    );
  };
}

/** `html`, `source`, or `attachment-N` of a message. */
export function readMailPart(mail: CaughtMails): (request: ApiRequest) => Promise<Answer> {
  return async ({ params: [id = "", part = ""] }) => {
    if (part === "source") {
      const source = await mail.source(id);
      return source
        ? {
            status: 200,
            contentType: "text/plain; charset=utf-8",
            headers: [NEVER_SNIFFED, MESSAGE_POLICY],
            body: streamOf(source),
          }
        : NOT_FOUND;
    }
    const message = await mail.read(id);
    if (part === "html" && message?.html)
      return {
        status: 200,
        contentType: "text/html; charset=utf-8",
        headers: [MESSAGE_POLICY, NEVER_SNIFFED],
        body: message.html,
      };
    const attachment = message?.attachments[Number(/^attachment-(\d{1,3})$/.exec(part)?.[1] ?? -1)];
    if (!attachment) return NOT_FOUND;
    // The sender chose name and type, so browsers save the file under the name in the link instead of rendering it.
    return {
      status: 200,
      contentType: "application/octet-stream",
      headers: [["Content-Disposition", "attachment"], NEVER_SNIFFED],
      body: streamOf(attachment.content),
    };
  };
}

function streamOf(bytes: Buffer): { bytes: number; open: () => Readable } {
  return { bytes: bytes.length, open: () => Readable.from([bytes]) };
}
