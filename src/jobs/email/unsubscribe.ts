/** `List-Unsubscribe` and, for the one click of RFC 8058, `List-Unsubscribe-Post`. */
import { type Static, Type } from "typebox";
import type { PayloadIssue } from "../../core/job-type.ts";
import { parseMailbox } from "./mailbox.ts";

export const Unsubscribe = Type.Object(
  {
    url: Type.Optional(
      Type.String({
        maxLength: 1_000,
        description:
          "An https URL that accepts the POST of a mail client's button (RFC 8058) without further questions",
      }),
    ),
    mailto: Type.Optional(
      Type.String({ maxLength: 254, description: "An address that unsubscribes the sender of any message to it" }),
    ),
  },
  {
    additionalProperties: false,
    minProperties: 1,
    description: "Sets `List-Unsubscribe`, and `List-Unsubscribe-Post` if there is a `url`",
  },
);
type Unsubscribe = Static<typeof Unsubscribe>;

// printable ASCII without the characters that end or separate links in this header
const LINK = /^https:\/\/[^/?#\s]+(?=[\x21-\x7e]*$)[^<>,"\\]*$/;

/** Leaves space for the header's name in a line of 998 octets (RFC 5322, 2.1.1): a link cannot be folded. */
const MAX_LINK = 990;

export function unsubscribeIssues(unsubscribe: Unsubscribe | undefined): PayloadIssue[] {
  const { url, mailto } = unsubscribe ?? {};
  const issues: PayloadIssue[] = [];
  if (url !== undefined && !(LINK.test(url) && URL.canParse(url)))
    issues.push({ path: "/list_unsubscribe/url", message: "expected an https URL, percent-encoded" });
  else if (url !== undefined && url.length > MAX_LINK)
    issues.push({ path: "/list_unsubscribe/url", message: `expected at most ${MAX_LINK} characters` });
  if (mailto !== undefined && (parseMailbox(mailto)?.address !== mailto || /[^\w.+@-]/.test(mailto)))
    issues.push({ path: "/list_unsubscribe/mailto", message: "expected a plain address, such as leave@example.com" });
  return issues;
}

export function unsubscribeHeaders({ url, mailto }: Unsubscribe): Record<string, string> {
  const links = [...(url === undefined ? [] : [`<${url}>`]), ...(mailto === undefined ? [] : [`<mailto:${mailto}>`])];
  return {
    "List-Unsubscribe": links.join(", "),
    ...(url !== undefined && { "List-Unsubscribe-Post": "List-Unsubscribe=One-Click" }),
  };
}
