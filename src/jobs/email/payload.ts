/** The payload of an email job: its schema, and the checks that a schema cannot express. */
import type { Static } from "typebox";
import { Type } from "typebox";
import { artifactReference } from "../../artifacts/by-reference.ts";
import type { PayloadIssue } from "../../core/job-type.ts";
import { issueOfMailbox } from "./mailbox.ts";
import { TEMPLATE_NAME_PATTERN } from "./template.ts";
import { Unsubscribe, unsubscribeIssues } from "./unsubscribe.ts";

const MAX_RECIPIENTS = 50;

const Address = Type.Union(
  [
    Type.String({ minLength: 3, maxLength: 400 }),
    Type.Object(
      { name: Type.Optional(Type.String({ maxLength: 300 })), address: Type.String({ minLength: 3, maxLength: 320 }) },
      { additionalProperties: false },
    ),
  ],
  {
    description:
      'One address: `jane@example.com`, `Jane Doe <jane@example.com>`, or `{"name": "Jane Doe", "address": "jane@example.com"}`, whose name may be any text of one line',
  },
);
const Recipients = Type.Union([Address, Type.Array(Address, { minItems: 1, maxItems: MAX_RECIPIENTS })]);
const MediaType = Type.String({ maxLength: 255, description: "Default: by the extension of `filename`" });
const Attachment = Type.Object(
  {
    filename: Type.String({ minLength: 1, maxLength: 255 }),
    content_type: Type.Optional(MediaType),
    base64: Type.Optional(Type.String({ description: "The file itself" })),
    artifact: Type.Optional(
      artifactReference("A file that another job produced: JOB_ID/NAME. The API key needs the scope `read`"),
    ),
    content_id: Type.Optional(
      Type.String({
        pattern: "^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.@-]{1,128}$",
        expected: "up to 128 letters, digits and punctuation marks of an address, without spaces and brackets",
        description: "The html of the message shows the file as `cid:CONTENT_ID`",
      }),
    ),
    url: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 2_048,
        description: "The URL of the file, fetched on each attempt; http or https, without credentials",
      }),
    ),
  },
  { additionalProperties: false, description: "A file: one of `base64`, `artifact` and `url`. At most 18 MiB in all" },
);

export const EmailSchema = Type.Object(
  {
    to: Recipients,
    subject: Type.Optional(
      Type.String({ delivered: true, maxLength: 998, description: "Optional if `template` has a subject" }),
    ),
    body: Type.Optional(
      Type.String({ delivered: true, description: "The plain text; optional if `html` or `template` is given" }),
    ),
    html: Type.Optional(Type.String({ delivered: true })),
    template: Type.Optional(
      Type.String({
        pattern: TEMPLATE_NAME_PATTERN,
        expected: "the name of a template: up to 64 letters, digits, _ and -",
        description: "A template of EMAIL_TEMPLATES_DIR, instead of `body` and `html`",
      }),
    ),
    data: Type.Optional(
      Type.Record(Type.String(), Type.Unknown(), { delivered: true, description: "The values that fill the template" }),
    ),
    from: Type.Optional(Address),
    cc: Type.Optional(Recipients),
    bcc: Type.Optional(Recipients),
    reply_to: Type.Optional(Address),
    envelope_from: Type.Optional(
      Type.String({
        minLength: 3,
        maxLength: 320,
        description:
          "The sender of the SMTP envelope, which receives bounces. Default: EMAIL_ENVELOPE_FROM, or else the address of `from`",
      }),
    ),
    headers: Type.Optional(Type.Record(Type.String(), Type.String({ maxLength: 2_000 }), { maxProperties: 50 })),
    list_unsubscribe: Type.Optional(Unsubscribe),
    attachments: Type.Optional(Type.Array(Attachment, { maxItems: 50 })),
  },
  { additionalProperties: false, examples: [{ to: "jane@example.com", subject: "Your report", body: "It is ready." }] },
);
export type EmailPayload = Static<typeof EmailSchema>;

/**
 * The issues that the schema cannot find. It runs while a submission waits for its response, so it reads each character
 * only once.
 */
export function issuesOfEmail(payload: EmailPayload): PayloadIssue[] {
  return [
    ...addressIssues(payload),
    ...headerIssues(payload),
    ...unsubscribeIssues(payload.list_unsubscribe),
    ...attachmentIssues(payload),
    ...textIssues(payload),
  ];
}

function addressIssues(payload: EmailPayload): PayloadIssue[] {
  const issues: PayloadIssue[] = [];
  for (const field of ["to", "cc", "bcc", "from", "reply_to", "envelope_from"] as const) {
    const value = payload[field] ?? [];
    for (const [index, written] of [value].flat().entries()) {
      const message =
        field === "envelope_from" && typeof written === "string" && written.includes("<")
          ? "expected an address without a name"
          : issueOfMailbox(written);
      if (message !== undefined)
        issues.push({ path: Array.isArray(value) ? `/${field}/${index}` : `/${field}`, message });
    }
  }
  const count = [payload.to, payload.cc ?? [], payload.bcc ?? []].flat().length;
  if (count > MAX_RECIPIENTS)
    issues.push({
      path: "/to",
      message: `expected at most ${MAX_RECIPIENTS} recipients in to, cc and bcc, got ${count}`,
    });
  return issues;
}

// Headers that the message is built from, that sign it, or that mail servers add: a caller's header would contradict or
// forge them.
const RESERVED_HEADER =
  /^(?:from|sender|to|cc|bcc|reply-to|subject|message-id|date|mime-version|return-path|received.*|resent-.*|content-.*|dkim-.*|domainkey-.*|arc-.*|authentication-results|apparently-to)$/i;

/**
 * A line of a message has at most 998 octets (RFC 5322, 2.1.1), the name of the header among them, and can be folded
 * only at a space.
 */
const MAX_WORD = 900;
const UNFOLDABLE = new RegExp(`^[\\x21-\\x7e]{${MAX_WORD + 1}}|[ \\t][\\x21-\\x7e]{${MAX_WORD + 1}}`);

function headerIssues({ headers = {}, list_unsubscribe }: EmailPayload): PayloadIssue[] {
  return Object.entries(headers).flatMap(([name, value]) => {
    const path = `/headers/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    if (!/^[A-Za-z0-9][A-Za-z0-9-]{0,75}$/.test(name))
      return [{ path, message: "expected a header name of letters, digits and hyphens" }];
    if (RESERVED_HEADER.test(name) || (list_unsubscribe && /^list-unsubscribe(?:-post)?$/i.test(name)))
      return [{ path, message: "this header cannot be set" }];
    if (/[\r\n\0]/.test(value)) return [{ path, message: "expected a value without line breaks" }];
    return UNFOLDABLE.test(value)
      ? [{ path, message: `expected a space after at most ${MAX_WORD} characters, where the line can be folded` }]
      : [];
  });
}

// multipart/* is rejected: its content would be read as the structure of the message.
const CONTENT_TYPE = /^(?!multipart\/)[a-z0-9!#$&^_.+-]+\/[a-z0-9!#$&^_.+-]+(?: ?; ?[a-z0-9-]+=[a-z0-9!#$&^_.+-]+)*$/i;

/** Searches for an invalid character instead of matching all valid ones: linear time for megabytes. */
function isBase64(text: string): boolean {
  return text.length % 4 === 0 && !/[^A-Za-z0-9+/]/.test(text.replace(/={1,2}$/, ""));
}

function attachmentIssues({ attachments = [], html, template }: EmailPayload): PayloadIssue[] {
  const contentIds = attachments.map(({ content_id }) => content_id);
  return attachments.flatMap(({ filename, content_type, content_id, base64, artifact, url }, index) => {
    const issues: PayloadIssue[] = [];
    const issue = (field: string, message: string) => issues.push({ path: `/attachments/${index}${field}`, message });
    if (/[\p{Cc}\u2028\u2029/\\]/u.test(filename))
      issue("/filename", "expected a name without slashes and control characters");
    if (content_type !== undefined && !CONTENT_TYPE.test(content_type))
      issue("/content_type", "expected a media type, such as text/csv");
    if (content_id !== undefined && html === undefined && template === undefined)
      issue("/content_id", "there is no html to show it");
    if (content_id !== undefined && contentIds.indexOf(content_id) < index)
      issue("/content_id", "another attachment has the same content_id");
    if ([base64, artifact, url].filter((source) => source !== undefined).length !== 1)
      issue("", "expected one of base64, artifact and url");
    if (base64 !== undefined && !isBase64(base64))
      issue("/base64", "expected base64 (RFC 4648, section 4) with padding and no line breaks");
    if (url !== undefined && !(/^https?:\/\//i.test(url) && URL.canParse(url)))
      issue("/url", "expected an http or https URL");
    return issues;
  });
}

function textIssues({ subject, body, html, template, data }: EmailPayload): PayloadIssue[] {
  const issues: PayloadIssue[] = [];
  if (template === undefined) {
    if (body === undefined && html === undefined)
      issues.push({ path: "/body", message: "expected a body, html, or a template" });
    if (subject === undefined) issues.push({ path: "/subject", message: "expected a subject" });
    if (data !== undefined) issues.push({ path: "/data", message: "there is no template to fill" });
  } else {
    if (body !== undefined)
      issues.push({ path: "/body", message: "must not be given with a template, which has its own text" });
    if (html !== undefined)
      issues.push({ path: "/html", message: "must not be given with a template, which has its own html" });
  }
  if (subject !== undefined && /[\p{Cc}\u2028\u2029]/u.test(subject))
    issues.push({ path: "/subject", message: "expected one line without control characters" });
  return issues;
}
