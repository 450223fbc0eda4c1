/**
 * The messages in the mail catcher, as HTML pages without scripts. The HTML of a message is in a frame that runs and
 * loads nothing.
 */
import type { CaughtMessage, CaughtSummary } from "./dev-mail.ts";

const STYLE = `
:root{color-scheme:light dark;--line:#8884;--soft:#8881;--accent:#2563eb}
body{font:15px/1.5 system-ui,sans-serif;max-width:64rem;margin:0 auto;padding:1.5rem}
h1{font-size:1.3rem;margin:0 0 1rem;overflow-wrap:anywhere}h2{font-size:1rem;margin:1.5rem 0 .5rem}
a{color:var(--accent)}table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.45rem .6rem;border-bottom:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere}
th{font-weight:600;white-space:nowrap}tbody tr:hover{background:var(--soft)}
iframe{width:100%;height:26rem;border:1px solid var(--line);border-radius:.4rem;background:#fff}
pre{background:var(--soft);border-radius:.4rem;padding:.8rem;margin:0;white-space:pre-wrap;overflow-wrap:anywhere;max-height:26rem;overflow:auto}
.head th{width:1%}.none{opacity:.7;padding:3rem;text-align:center;border:1px dashed var(--line);border-radius:.4rem}
summary{cursor:pointer;font-weight:600;margin:1.5rem 0 .5rem}`;

function escapeHtml(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&#39;",
  };
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? "");
}

function page(title: string, body: string): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeHtml(title)}</title><style>${STYLE}</style><body>${body}</body></html>`;
}

/** The list, newest first. */
export function listPage(mails: readonly CaughtSummary[]): string {
  const rows = mails.map(({ id, receivedAtMs, from, to, subject }) => {
    const at = new Date(receivedAtMs).toISOString();
    return `<tr><td><a href="mail/${id}">${escapeHtml(subject || "(no subject)")}</a><td>${escapeHtml(from)}<td>${escapeHtml(to.join(", "))}<td><time datetime="${at}">${at.slice(0, 19).replace("T", " ")}</time>`;
  });
  const table = `<table><thead><tr><th>Subject<th>From<th>To<th>Received (UTC)</thead><tbody>${rows.join("")}</tbody></table>`;
  return page(
    "Caught mail",
    `<h1>Caught mail</h1>${mails.length === 0 ? `<p class="none">No mail has been sent yet.</p>` : table}`,
  );
}

/** One message. @param id digits only */
export function messagePage(id: string, { subject, headerLines, html, text, attachments }: CaughtMessage): string {
  const headers = headerLines.map(({ line }) => {
    const at = line.indexOf(":");
    return `<tr><th>${escapeHtml(line.slice(0, at))}<td>${escapeHtml(line.slice(at + 1).trim())}`;
  });
  const files = attachments.map(
    ({ filename, contentType, size }, index) =>
      `<tr><td><a href="${id}/attachment-${index}" download="${escapeHtml(filename ?? "")}">${escapeHtml(filename ?? `attachment ${index + 1}`)}</a><td>${escapeHtml(contentType)}<td>${size} bytes`,
  );
  const parts = [
    `<p><a href="../mail">All mail</a> · <a href="${id}/source">Source</a></p><h1>${escapeHtml(subject ?? "(no subject)")}</h1>`,
    html ? `<h2>HTML</h2><iframe sandbox title="The message's html" src="${id}/html"></iframe>` : "",
    text ? `<h2>Text</h2><pre>${escapeHtml(text)}</pre>` : "",
    files.length > 0 ? `<h2>Attachments</h2><table><tbody>${files.join("")}</tbody></table>` : "",
    `<details><summary>Headers</summary><table class="head"><tbody>${headers.join("")}</tbody></table></details>`,
  ];
  return page(subject ?? "(no subject)", parts.join(""));
}
