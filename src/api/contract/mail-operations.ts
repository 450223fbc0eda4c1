/** The calls that read the mail catcher of a development machine. */
import { Type } from "typebox";
import { type Operation, ok } from "./operation.ts";

const mailSummarySchema = Type.Object({
  id: Type.String({ description: "Later messages have greater ids" }),
  receivedAtMs: Type.Integer({ description: "Milliseconds since 1970" }),
  from: Type.String(),
  subject: Type.String(),
  to: Type.Array(Type.String(), { description: "All recipients, including blind copies" }),
});

const mailSchema = Type.Object({
  message_id: Type.Optional(Type.String()),
  from: Type.Optional(Type.String()),
  to: Type.Array(Type.String()),
  subject: Type.Optional(Type.String()),
  text: Type.Optional(Type.String()),
  html: Type.Optional(Type.String()),
  attachments: Type.Array(
    Type.Object({
      filename: Type.Optional(Type.String()),
      content_type: Type.String(),
      bytes: Type.Integer({ minimum: 0 }),
    }),
  ),
});

export const listMail: Operation = {
  method: "GET",
  pattern: "/dev/mail",
  access: "read",
  id: "listMail",
  tag: "Development",
  summary: "List the messages in the mail catcher",
  answers: ok("The messages, newest first", Type.Object({ mail: Type.Array(mailSummarySchema) })),
};

export const readMail: Operation = {
  method: "GET",
  pattern: "/dev/mail/{mail_id}",
  access: "read",
  id: "readMail",
  tag: "Development",
  summary: "Read a message in the mail catcher",
  answers: ok("The message", mailSchema),
  problems: ["mail_not_found"],
};

export const readMailPart: Operation = {
  method: "GET",
  pattern: "/dev/mail/{mail_id}/{name}",
  access: "read",
  id: "readMailPart",
  tag: "Development",
  summary: "Read the HTML, the source or an attachment of a caught message",
  description: "`name` is `html`, `source`, or `attachment-N`, counted from 0.",
  answers: { 200: { description: "The part", content: { "*/*": { schema: Type.String({ format: "binary" }) } } } },
  problems: ["mail_not_found"],
};
