/**
 * Sends the hostile requests of hostile-cases.ts to a server, each followed by another request, and checks what comes
 * back.
 */
import { once } from "node:events";
import { connect } from "node:net";
import type { HostileCase } from "./hostile-cases.ts";
import { HOSTILE_CASES, SMUGGLED } from "./hostile-cases.ts";

/** How the next request is sent; the network decides where TCP splits it. */
export const SPLITS = ["in the same packet", "in a packet of its own", "in pieces", "after the answer"] as const;
export type Split = (typeof SPLITS)[number];

/** Longer than the longest timeout of the server, which is 10 s. */
const CLOSED_WITHIN_MS = 20_000;
const PIECE_AFTER_MS = 20;

/** The two listeners of a server. */
export type Listener = "SERVER_ADDR" | "PROXY_ADDR";

interface HostileOutcome {
  /** The statuses of all answers in order, without 100 Continue. */
  readonly statuses: readonly number[];
  readonly received: string;
  readonly isClosed: boolean;
}

/** Sends a request and another one after it, and reads until the server closes the connection. */
async function attack(
  { request }: HostileCase,
  split: Split,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<HostileOutcome> {
  const socket = connect(port, host);
  let received = "";
  socket.on("data", (chunk: Buffer) => (received += chunk.toString("latin1")));
  socket.on("error", () => undefined); // a reset counts as an end
  const closed = new Promise<void>((resolve) => void socket.once("close", resolve));
  await once(socket, "connect");
  socket.setNoDelay(true);
  const pause = (ms: number): Promise<unknown> => new Promise((resolve) => void setTimeout(resolve, ms));
  for (const piece of piecesOf(request, split)) {
    if (socket.destroyed) break;
    if (piece === "")
      await Promise.race([closed, once(socket, "data"), pause(CLOSED_WITHIN_MS)]).catch(() => undefined);
    else socket.write(Buffer.from(piece, "latin1"));
    await pause(split === "in the same packet" ? 0 : PIECE_AFTER_MS);
  }
  const isClosed = await Promise.race([closed.then(() => true), pause(CLOSED_WITHIN_MS).then(() => false)]);
  socket.destroy();
  return {
    statuses: [...received.matchAll(/HTTP\/1\.1 (?!100)(\d{3})/g)].map(([, status]) => Number(status)),
    received,
    isClosed,
  };
}

/** The pieces to send; "" means to wait for an answer. */
function piecesOf(request: string, split: Split): readonly string[] {
  switch (split) {
    case "in the same packet":
      return [request + SMUGGLED + SMUGGLED];
    case "in a packet of its own":
      return [request, SMUGGLED, SMUGGLED];
    case "in pieces": {
      // If the first line is split, the library on Node.js 20 rejects it as invalid HTTP.
      const middle = Math.max(3, request.indexOf(":") + 1);
      return [request.slice(0, middle), request.slice(middle) + SMUGGLED, SMUGGLED];
    }
    case "after the answer":
      return [request, "", SMUGGLED];
  }
}

/** How an outcome differs from the expected one; undefined if it does not. */
function violationOf(
  { statuses: usual, statusesForProxies = usual, code }: HostileCase,
  outcome: HostileOutcome,
  listener: Listener,
): string | undefined {
  const statuses = listener === "PROXY_ADDR" ? statusesForProxies : usual;
  const seen = `answers [${outcome.statuses.join(", ")}]${outcome.isClosed ? "" : ", and the connection was left open"}`;
  if (!outcome.isClosed || outcome.statuses.length > 1 || !statuses.includes(outcome.statuses[0] ?? 0))
    return `${seen}, expected ${statuses.join(" or ")} and its end`;
  return code === undefined || outcome.received.includes(`"code":"${code}"`) || /<h1>/.test(outcome.received)
    ? undefined
    : `${seen} without the code ${code}`;
}

/**
 * Runs all cases concurrently, with the next request sent in this way. Resolves to a sentence for each unexpected
 * outcome.
 */
export async function violationsOfServer(
  split: Split,
  address: { readonly host: string; readonly port: number },
  listener: Listener = "SERVER_ADDR",
): Promise<string[]> {
  const violations = await Promise.all(
    HOSTILE_CASES.map(async (hostile) => {
      const violation = violationOf(hostile, await attack(hostile, split, address), listener);
      return violation === undefined ? [] : [`${hostile.name}: ${violation}`];
    }),
  );
  return violations.flat();
}
