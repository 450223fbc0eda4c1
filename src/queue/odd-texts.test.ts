/**
 * Redis and its scripts return every text of a submission unchanged, in each of its fields.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Submission } from "../core/job.ts";
import { isFull, sample } from "../testing/full.ts";
import { enqueue, ioSlots, openQueue, submission } from "../testing/queue.ts";
import { freshRedis } from "../testing/services.ts";
import type { Queue } from "./queue.ts";

let queue: Queue;
let seq = 0;
beforeAll(async () => {
  queue = await openQueue((await freshRedis()).address);
});
afterAll(() => queue.close());

const codes = Array.from({ length: 0xa1 }, (_, code) => String.fromCharCode(code));
const marks = [
  ...codes,
  "\u2028",
  "\u2029",
  "\ufeff",
  "\uffff",
  "\ufffd",
  "é",
  "ß",
  "中",
  "🎉",
  "|",
  "||",
  ":",
  "%",
  "%00",
  "%7C",
  "{",
  "}",
  "[",
  "]",
  '"',
  "\\",
  "\\u0000",
  "'",
  "\r\n",
  "nil",
  "false",
  "0",
  "-0",
  "1e400",
  "__proto__",
  "constructor",
];
const texts = [
  ...new Set(
    marks.flatMap((mark) =>
      [mark, `a${mark}b`, `${mark}${mark}`, `${mark}x`, `x${mark}`].flatMap((text) => [text, text.slice(0, 64)]),
    ),
  ),
];

const FIELDS: Readonly<Record<string, (text: string) => Partial<Submission>>> = {
  groupKey: (text) => ({ groupKey: text }),
  tag: (text) => ({ options: { tags: [text, "b", text] } }),
  callback_url: (text) => ({ options: { callback_url: `https://a.example/${text}` } }),
  retry_of: (text) => ({ options: { retry_of: text } }),
  "name in the payload": (text) => ({ payload: JSON.stringify({ [text]: text }) }),
  "text in the payload": (text) => ({ payload: `{ "a" :\t[${JSON.stringify(text)} , 1.0]  }` }),
  "all at once": (text) => ({
    groupKey: text,
    options: { tags: [text], callback_url: text },
    payload: JSON.stringify({ [text]: [text] }),
  }),
};

it.each(Object.entries(FIELDS))("%s", async (field, fill) => {
  const cases = sample(texts, 5);
  if (isFull) expect(cases.length * Object.keys(FIELDS).length).toBeGreaterThan(3_402);
  const sent = cases.map((text) => submission({ type: "odd", ...fill(text) }));
  const ids = await enqueue(queue, ...sent);
  const wrong: string[] = [];
  for (let at = 0; at < ids.length; ) {
    const { claimed: jobs } = await queue.claim((seq += 1), 1, ioSlots({ odd: 200 }));
    if (jobs.length === 0) expect.fail(`${ids.length - at} jobs of ${field} are not claimed`);
    for (const job of jobs) {
      const { type, payload, priority, maxAttempts, groupKey, options } =
        sent[ids.indexOf(job.id)] ?? expect.fail(`nobody sent ${job.id}`);
      const back = {
        type: job.type,
        payload: job.payload,
        priority: job.priority,
        maxAttempts: job.maxAttempts,
        groupKey: job.groupKey,
        options: job.options,
      };
      if (JSON.stringify(back) !== JSON.stringify({ type, payload, priority, maxAttempts, groupKey, options }))
        wrong.push(JSON.stringify({ back, sent: sent[ids.indexOf(job.id)] }));
    }
    at += jobs.length;
  }
  expect(wrong).toEqual([]);
});
