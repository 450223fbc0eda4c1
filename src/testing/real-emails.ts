/** Realistic messages: names, subjects and files of many countries and offices. */
import type { EmailPayload } from "./email-job.ts";

const base64 = (bytes: Buffer | string): string => Buffer.from(bytes).toString("base64");
const pixel = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);
const to = "jane@example.com";

export const realEmails: Readonly<Record<string, EmailPayload>> = {
  plain: { to, subject: "Your report", body: "It is ready.\n" },
  nickname: { to: '"Anna \\"Annie\\" Smith" <ann@example.com>', subject: "Hi", body: "x\n" },
  "name with a comma": {
    to: [{ name: "Smith, Anna", address: "ann@example.com" }, '"Müller, Jörg (Einkauf)" <jm@example.de>'],
    cc: { name: "O'Brien; Ltd.", address: "o'brien@example.ie" },
    subject: "Order 7",
    body: "x\n",
  },
  "name with a backslash": {
    to: { name: "ACME\\anna", address: "ann@example.com" },
    from: { name: 'Support "24/7" <no-reply>', address: "support@example.com" },
    subject: "Ticket",
    body: "x\n",
  },
  "name in parentheses": {
    to: "Jane Doe (Sales) <jane@example.com>",
    reply_to: "Jörg 🎉 <j@example.com>",
    subject: "a (b) <c>",
    body: "x\n",
  },
  "name that is an address": { to: '"jane@example.com" <jane@example.com>', subject: "x", body: "x\n" },
  japanese: {
    to: { name: "山田 太郎", address: "yamada@例え.jp" },
    subject: "ご注文ありがとうございます(注文番号:1234567890)発送のお知らせとお届け予定日について",
    body: "山田様\n\nありがとうございます。\n",
  },
  arabic: {
    to: { name: "محمد", address: "m@example.com" },
    subject: "مرحبا بك",
    body: "شكرا\n",
    html: '<p dir="rtl">شكرا</p>',
  },
  emoji: { to, subject: "👩‍👩‍👧‍👦 ".repeat(40).trim(), body: "🎉\n" },
  "long subject": { to, subject: "x".repeat(998), body: "x\n" },
  "dots and froms": { to, subject: "dots", body: ".\n..\n.dot\nFrom me\n>From you\n-- \nJane\n" },
  "long lines": {
    to,
    subject: "long",
    body: `${"a".repeat(5_000)}\n${"ü".repeat(3_000)}\n`,
    html: `<p>${"b".repeat(20_000)}</p>`,
  },
  "a long text": { to, subject: "long", body: "Grüße aus dem Süden, und ein Punkt:\n.\n".repeat(4_000) },
  "control characters": { to, subject: "log", body: "a\u0000b\u001b[31mred\u001b[0m\tend \u00a0\n" },
  "trailing spaces": { to, subject: "diff", body: "- old \n+ new\t\n  \n" },
  newsletter: {
    to,
    subject: "News & more",
    body: "News\n",
    html: '<h1>News</h1><img src="cid:logo@example"><p>=3D is not =</p>',
    headers: {
      "X-Campaign": "7",
      "X-Kampagne": "Frühling",
      References: Array.from({ length: 25 }, (_, index) => `<${"m".repeat(60)}${index}@example.com>`).join(" "),
    },
    list_unsubscribe: { url: `https://example.com/leave?u=${"a".repeat(900)}`, mailto: "leave@example.com" },
    attachments: [
      { filename: "logo.png", base64: base64(pixel), content_id: "logo@example" },
      { filename: "terms.txt", base64: base64("fair\r\n") },
    ],
  },
  "file names": {
    to,
    subject: "files",
    body: "x\n",
    attachments: [
      'Übersicht "2026"; final.csv',
      "请求.pdf",
      "a'b=c?.txt",
      `${"long".repeat(60)}.bin`,
      "=?utf-8?q?x?=.txt",
      "100%.txt",
    ].map((filename) => ({ filename, base64: base64(filename) })),
  },
  "a large file": {
    to,
    subject: "file",
    body: "x\n",
    attachments: [
      { filename: "a.bin", base64: base64(Buffer.from(Array.from({ length: 300_000 }, (_, index) => index * 31))) },
    ],
  },
};
