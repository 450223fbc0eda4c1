import { describe, expect, it } from "vitest";
import { mayBeResponse, mendedHead, statusIn } from "./response-head.ts";

const START = "HTTP/1.1 200 OK\r\n";
const CLOSE = "connection: close\r\n\r\n";

describe("a valid head", () => {
  it.each([
    "HTTP/1.1 200 OK\r\n\r\n",
    "HTTP/1.0 404 Not Found\r\nServer: x\r\nX-Empty:\r\nx-latin: caf\xe9\r\n\r\n",
    "HTTP/1.1 204 No Content\r\ndate: x\r\n\r\n",
    "HTTP/1.1 500\r\ncontent-length: 12\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked \r\nset-cookie: a\r\nset-cookie: b\r\n\r\n",
  ])("is returned unchanged: %j", (head) => {
    expect(mendedHead(head)).toBe(head);
  });
});

describe("a head is repaired if", () => {
  it.each([
    ["lines end in LF", "HTTP/1.1 200 OK\na: b\n\n", `${START}a: b\r\n${CLOSE}`],
    ["some lines end in LF", "HTTP/1.1 200 OK\r\na: b\nc: d\r\n\r\n", `${START}a: b\r\nc: d\r\n${CLOSE}`],
    ["there is a space before a colon", `${START}a : b\r\n\r\n`, `${START}a: b\r\n${CLOSE}`],
    ["a line is folded", `${START}a: b\r\n  c\r\n\td: e\r\n\r\n`, `${START}a: b c d: e\r\n${CLOSE}`],
    ["a line is not a header", `${START}nonsense\r\n: x\r\nbad name: x\r\na: b\r\n\r\n`, `${START}a: b\r\n${CLOSE}`],
    ["a value has control characters", `${START}a: b\0c\x01\rd\r\n\r\n`, `${START}a: b c  d\r\n${CLOSE}`],
    ["the version is another one", "HTTP/2 200\r\n\r\n", `HTTP/1.1 200 \r\n${CLOSE}`],
    ["the status line has other spaces", "http/1.0  201\tCreated\r\n\r\n", `HTTP/1.0 201 Created\r\n${CLOSE}`],
    [
      "a length is repeated",
      `${START}Content-Length: 2\r\ncontent-length: 2\r\n\r\n`,
      `${START}content-length: 2\r\n${CLOSE}`,
    ],
    [
      "a length is repeated on one line",
      `${START}content-length: 2, 2\r\n\r\n`,
      `${START}content-length: 2\r\n${CLOSE}`,
    ],
    ["two lengths contradict each other", `${START}content-length: 2\r\ncontent-length: 3\r\n\r\n`, `${START}${CLOSE}`],
    ["a length is not a number", `${START}content-length: -1\r\n\r\n`, `${START}${CLOSE}`],
    [
      "a chunked body has a length as well",
      `${START}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n`,
      `${START}transfer-encoding: chunked\r\n${CLOSE}`,
    ],
    ["204 has a length", "HTTP/1.1 204 No Content\r\ncontent-length: 2\r\n\r\n", `HTTP/1.1 204 No Content\r\n${CLOSE}`],
    [
      "304 has the length of a body that it does not have",
      "HTTP/1.1 304 X\r\ncontent-length: 99\r\n\r\n",
      `HTTP/1.1 304 X\r\n${CLOSE}`,
    ],
    [
      "it keeps the connection open, and needs repair",
      `${START}a : b\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\n\r\n`,
      `${START}a: b\r\n${CLOSE}`,
    ],
  ])("%s", (_where, head, expected) => {
    expect(mendedHead(head)).toBe(expected);
    expect(mendedHead(expected)).toBe(expected);
  });

  it("it has 128 KiB, without delay", () => {
    const startedMs = performance.now();
    for (const part of ["a: b\r\n", "a:", " \r\n", "\t", "x"])
      mendedHead(`${START}${part.repeat(131_072 / part.length)}\r\n\r\n`);
    expect(performance.now() - startedMs).toBeLessThan(2_000);
  });
});

it.each([
  ["HTTP/1.1 200 OK", 200],
  ["HTTP/1.1 503\r\n", 503],
  ["http/2  99", undefined],
  ["HTTP/1.1 200", undefined], // a digit may follow
  ["HTTP/1.1 20", undefined],
  ["HTTP/1.1 2000 OK\r\n", undefined],
  ["HTTP/1.1 000 X\r\n", undefined],
])("the status in %j is %j", (start, expected) => {
  expect(statusIn(start)).toBe(expected);
});

it.each([
  ["", true],
  ["HT", true],
  ["http/1", true],
  ["HTTP/1.1 2", true],
  ["ICY 200 OK\r\n", false],
  ["SSH-2.0", false],
  ["HTTP/1.1 OK\r\n", false],
  ["<html>", false],
])("%j may become a response: %j", (start, expected) => {
  expect(mayBeResponse(start)).toBe(expected);
});
