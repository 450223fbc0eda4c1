import { expect, it } from "vitest";
import { redactUrl, redactUrls } from "./redacted-url.ts";

it.each([
  ["redis://cache:6379/1", "redis://cache:6379/1"],
  ["redis://:hunter2@cache", "redis://:***@cache"],
  ["postgres://app:hunter2@db:5432/taskflow?sslmode=require", "postgres://app:***@db:5432/taskflow?sslmode=require"],
  ["postgres://app:hun/t@er#2@db", "postgres://app:***@db"],
  ["smtp://hunter2@mail", "smtp://***@mail"],
  ["app:hunter2@db", "app:***@db"],
  ["postgres://db/x?user=app&password=hunter2&a=1", "postgres://db/x?user=app&password=***&a=1"],
  ["https://user:hunter2@host/?sig=1&access_token=hunter2#x", "https://user:***@host/?sig=1&access_token=***#x"],
  ["", ""],
  ["many\nlines", "many\nlines"],
])("redacts %j", (url, redacted) => {
  expect(redactUrl(url)).toBe(redacted);
});

it.each([
  [
    "connect postgres://app:hunter2@db:5432/x failed, then https://u:p@h/?token=t.",
    "connect postgres://app:***@db:5432/x failed, then https://u:***@h/?token=***",
  ],
  ["no host in postgres://db/x?password=hunter2", "no host in postgres://db/x?password=***"],
  ["mail to ada@x.test about https://x.test/a", "mail to ada@x.test about https://x.test/a"],
  ["at file:///srv/@scope/a.js:1", "at file:///srv/@scope/a.js:1"],
])("redacts the URLs in %j", (text, redacted) => {
  expect(redactUrls(text)).toBe(redacted);
});
