import { expect, it } from "vitest";
import { RequestBuffers } from "./request-buffers.ts";

function framed(...args: readonly string[]): string {
  return `*${args.length}\r\n${args.map((arg) => `$${Buffer.byteLength(arg)}\r\n${arg}\r\n`).join("")}`;
}

it.each([
  { what: "ASCII", args: ["a", "", "bc".repeat(20)] },
  { what: "texts with more bytes than characters", args: ["é", "日本語", "🙂 and ASCII", "\ud800"] },
  { what: "more than a buffer holds", args: ["x".repeat(100_000), "日".repeat(90_000), "end"] },
])("frames $what", ({ args }) => {
  expect(new RequestBuffers().encode(["evalsha", "1"], args).toString()).toBe(
    Buffer.from(framed("evalsha", "1", ...args)).toString(),
  );
});

it("reuses memory after it is released, and not before", () => {
  const buffers = new RequestBuffers();
  const first = buffers.encode(["get"], ["one"]);
  const second = buffers.encode(["get"], ["two"]);
  expect(first.toString()).toBe(framed("get", "one"));
  expect(second.buffer).not.toBe(first.buffer);
  buffers.release(first);
  expect(buffers.encode(["get"], ["three"]).buffer).toBe(first.buffer);
  expect(second.toString()).toBe(framed("get", "two"));
});

it("does not keep the buffer of one large call", () => {
  const buffers = new RequestBuffers();
  const large = buffers.encode(["set"], ["x".repeat(2_000_000)]);
  buffers.release(large);
  expect(buffers.encode(["get"], ["one"]).buffer.byteLength).toBe(65_536);
});
