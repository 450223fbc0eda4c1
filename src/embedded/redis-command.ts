/**
 * Sends one command to a Redis on this machine, on a new connection. It tests without a client library whether the
 * server accepts commands.
 */
import { connect } from "node:net";

const ANSWER_WITHIN_MS = 2_000;

/** The port of a server without a password, or `redis://USER:PASSWORD@127.0.0.1:PORT`. */
export type RedisServer = number | string;

/**
 * Sends a command (RESP, https://redis.io/docs/latest/develop/reference/protocol-spec/) and resolves to the first line
 * of the answer, including its type character: `+PONG`, `:5`, `-LOADING …`. Rejects without an answer within 2 s.
 */
export function redisCommand(server: RedisServer, ...words: string[]): Promise<string> {
  const { port, password } = typeof server === "number" ? { port: server, password: "" } : new URL(server);
  const commands = password === "" ? [words] : [["AUTH", decodeURIComponent(password)], words];
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), "127.0.0.1");
    let answer = "";
    socket.setEncoding("utf8").setTimeout(ANSWER_WITHIN_MS, () => socket.destroy(new Error("no answer")));
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("closed without an answer")));
    socket.on("data", (chunk: string) => {
      answer += chunk;
      const lines = answer.split("\r\n").slice(0, -1);
      const line = lines[0]?.startsWith("-") ? lines[0] : lines[commands.length - 1];
      if (line === undefined) return;
      resolve(line);
      socket.destroy();
    });
    socket.write(commands.map(encode).join(""));
  });
}

function encode(words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join("")}`;
}
