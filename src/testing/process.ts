/**
 * The built program as a child process: started, signalled, killed and read as in a deployment. `npm run build` makes
 * what it runs. It also serves as a replica to the client in replica.ts.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { NODE_OPTIONS } from "../../scripts/node-options.mjs";
import type { TestReplica } from "./replica.ts";
import { until } from "./until.ts";

const BUILT = fileURLToPath(new URL("../../dist/main.js", import.meta.url));
/** A first start makes a Postgres cluster: 3 s on a machine with nothing else to do. */
const READY_WITHIN_MS = 240_000;
const CLOSED_WITHIN_MS = 20_000;
const URL_LINE = /^TaskFlow \S+ serves on (http:\/\/\S+)$/m;

export interface ProgramOptions {
  /** Its whole environment, but for PATH, HOME and a free port in SERVER_ADDR. */
  readonly env: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  /** The working directory, to which relative paths such as `./data` refer. */
  readonly cwd: string;
  /** The main file to run; by default that of this checkout. */
  readonly program?: string;
  /** The Node.js that runs it; by default that of this process. */
  readonly node?: string;
}

/** How a process ended: by itself with a code, or by a signal. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class Program implements TestReplica {
  /** Resolves when the process has exited and its output is read to the end. */
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;
  readonly #stdout: string[] = [];
  readonly #stderr: string[] = [];

  /** Starts the process without waiting. */
  constructor({ env, args = [], cwd, program = BUILT, node = process.execPath }: ProgramOptions) {
    if (!existsSync(program)) throw new Error(`${program} is missing: run npm run build`);
    const { PATH = "", HOME = "" } = process.env;
    this.#child = spawn(node, [...NODE_OPTIONS, program, ...args], {
      cwd,
      env: { PATH, HOME, SERVER_ADDR: "127.0.0.1:0", ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child.stdout?.setEncoding("utf8").on("data", (text: string) => this.#stdout.push(text));
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => this.#stderr.push(text));
    this.ended = new Promise((resolve, reject) => {
      this.#child.once("error", reject).once("close", (code, signal) => resolve({ code, signal }));
    });
  }

  /** Waits until it serves. Rejects with its error output if it ends instead. */
  async ready(): Promise<this> {
    await until(() => this.#url !== undefined || this.hasEnded, {
      what: "the program serves",
      timeoutMs: READY_WITHIN_MS,
    });
    if (this.hasEnded) throw new Error(`the program ended: ${this.stderr}`);
    return this;
  }

  get stdout(): string {
    return this.#stdout.join("");
  }

  get stderr(): string {
    return this.#stderr.join("");
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Where it serves. */
  get url(): string {
    if (this.#url === undefined) throw new Error("the program does not serve yet");
    return this.#url;
  }

  /** The id of this replica, from its log. */
  get id(): string {
    return String(this.lines().find(({ replica }) => replica !== undefined)?.replica);
  }

  /** The complete lines of the log so far, parsed. */
  readonly lines = (): Record<string, unknown>[] =>
    this.stdout
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Record<string, unknown>);

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Kills the process by SIGKILL. The servers that it started continue. */
  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.ended;
  }

  /** Stops the process by SIGTERM, which also stops its servers, and by SIGKILL if it takes too long. */
  async close(): Promise<void> {
    const timer = setTimeout(() => this.signal("SIGKILL"), CLOSED_WITHIN_MS);
    this.signal("SIGTERM");
    await this.ended;
    clearTimeout(timer);
  }

  get #url(): string | undefined {
    return URL_LINE.exec(this.stderr)?.[1];
  }
}
