import { fork } from "node:child_process";
import { once } from "node:events";
import type { PeerCounts, PeerPorts } from "./peer-process.ts";

/** Starts the peers of the jobs in a separate process. */
export interface Peers {
  readonly smtpUrl: string;
  /** Accepts every POST. */
  readonly webhookUrl: string;
  /** A JPEG of at least 2 megapixels. */
  readonly imageUrl: string;
  counts(): Promise<PeerCounts>;
  close(): Promise<void>;
}

/** @param host the name or address by which the server reaches this machine */
export async function startPeers(host: string): Promise<Peers> {
  const isLocal = host === "127.0.0.1" || host === "localhost";
  const child = fork(new URL("./peer-process.ts", import.meta.url), [isLocal ? "127.0.0.1" : "0.0.0.0"], {
    execArgv: ["--import", import.meta.resolve("tsx")],
  });
  const exited = once(child, "exit");
  const received = async <Message extends { kind: string }>(kind: Message["kind"]): Promise<Message> => {
    const [message] = (await Promise.race([once(child, "message"), exited.then(() => ["exited"])])) as [unknown];
    if ((message as Message | null)?.kind !== kind) throw new Error("the peers of the load test ended unexpectedly");
    return message as Message;
  };
  const { smtpPort, httpPort } = await received<PeerPorts>("ports");
  return {
    smtpUrl: `smtp://${host}:${smtpPort}`,
    webhookUrl: `http://${host}:${httpPort}/hook`,
    imageUrl: `http://${host}:${httpPort}/image.jpg`,
    counts: () => {
      child.send("count");
      return received<PeerCounts>("counts");
    },
    close: async () => {
      if (child.connected) child.disconnect();
      await exited;
    },
  };
}
