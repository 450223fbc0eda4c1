import { expect, it } from "vitest";
import { QueueUnavailable } from "../errors.ts";
import { enqueue, submission } from "../testing/queue.ts";
import { setUpQueues } from "../testing/queue-setup.ts";

const setup = setUpQueues();

it("reads the headers of many jobs in the order of the ids, long ones whole, and leaves out missing ones", async () => {
  const queue = await setup().replica();
  const tags = Array.from({ length: 120 }, (_, i) => [i % 40 === 7 ? `é${i}`.repeat(1_000) : `tag-${i}`]);
  const ids = await enqueue(queue, ...tags.map((each) => submission({ options: { tags: each } })));
  const asked = ids.flatMap((id, i) => (i % 10 === 3 ? [id, queue.ids.next()] : [id]));
  const headers = await queue.readHeaders(asked);
  expect(headers.map(({ id, options }) => [id, options.tags])).toEqual(ids.map((id, i) => [id, tags[i]]));
});

it("rejects a read after the queue is closed", async () => {
  const queue = await setup().replica();
  const ids = await enqueue(queue, submission(), submission());
  queue.close();
  await expect(queue.readHeaders(ids)).rejects.toThrow(QueueUnavailable);
});
