/** One command to a Redis on this machine, on a connection of its own: enough to see whether it serves, without a client library. */
import { connect } from "node:net";

const ANSWER_WITHIN_MS = 2_000;

/**
 * Sends a command (RESP, https://redis.io/docs/latest/develop/reference/protocol-spec/) and resolves to the first line of
 * the answer, its type mark included: `+PONG`, `:5`, `-LOADING …`. Rejects when there is none within 2 s.
 */
export function redisCommand(port: number, ...words: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    let answer = "";
    socket.setEncoding("utf8").setTimeout(ANSWER_WITHIN_MS, () => socket.destroy(new Error("no answer")));
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("closed without an answer")));
    socket.on("data", (chunk: string) => {
      answer += chunk;
      const end = answer.indexOf("\r\n");
      if (end < 0) return;
      resolve(answer.slice(0, end));
      socket.destroy();
    });
    socket.write(`*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join("")}`);
  });
}
