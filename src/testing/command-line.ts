/** Command lines of `taskflow` that run in this process, against one replica. */
import { Readable } from "node:stream";
import type { CommandLine } from "../cli/command.ts";
import { runCommand } from "../cli/command.ts";
import type { Job } from "../client/contract.ts";
import type { TestReplica } from "./replica.ts";
import { jobWhen, startReplica, submit } from "./replica.ts";
import { freshDatabase, freshRedis, tempDir } from "./services.ts";

export interface RunOptions extends Partial<Pick<CommandLine, "signal" | "input">> {
  readonly env?: Record<string, string>;
  readonly isTTY?: boolean;
  readonly onOut?: (text: string) => void;
}

export async function startCommandReplica() {
  const [redis, database] = await Promise.all([freshRedis(), freshDatabase()]);
  const replica = await startReplica({ redis: redis.address, database: database.url, artifacts: tempDir() });
  return {
    replica,
    /** Runs a command line; `args` are words separated by spaces, or a list. */
    run: (args: string | readonly string[], options: RunOptions = {}) => runAgainst(replica, args, options),
    /** Submits a job of type test_io by the command. @returns its id */
    submitted: (payload: object, ...more: readonly string[]) => submitByCommand(replica, payload, ...more),
    /** Submits a job that fails, and waits until it has failed. @returns its id */
    failed: async (type: string, tag: string): Promise<string> => {
      const id = await submit(replica, type, { do: "permanent" }, { tags: [tag] });
      await jobWhen(replica, id, "failed");
      return id;
    },
    close: () => replica.close(),
  };
}

async function runAgainst(
  replica: TestReplica,
  args: string | readonly string[],
  { env = {}, isTTY = false, onOut, ...more }: RunOptions = {},
) {
  const texts = { out: "", err: "" };
  const code = await runCommand({
    args: typeof args === "string" ? args.split(" ") : args,
    version: "1.2.3",
    serve: () => Promise.resolve(),
    env: { TASKFLOW_URL: replica.url, ...env },
    out: {
      isTTY,
      write: (text) => {
        texts.out += text;
        onOut?.(text);
      },
    },
    err: { write: (text) => (texts.err += text) },
    input: Readable.from([]),
    ...more,
  });
  return { code, ...texts };
}

async function submitByCommand(replica: TestReplica, payload: object, ...more: readonly string[]): Promise<string> {
  const { code, out, err } = await runAgainst(replica, [
    "submit",
    "test_io",
    "--payload",
    JSON.stringify(payload),
    ...more,
  ]);
  if (code !== 0) throw new Error(`submit ended with ${code ?? "no code"}: ${err}`);
  return out.trim();
}

/** Parses lines of JSON. */
export function jsonLines<Line = Job>(text: string): Line[] {
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
}
