/**
 * The log lines of running attempts, on their way to the clients that follow the jobs. The replica that follows a job
 * asks the replica that runs it, and repeats this while it follows; that replica answers with the lines. Both use the
 * channels on which replicas get their wake-ups, so a job that nobody follows costs nothing.
 *
 *   follow REPLICA ID FROM ID FROM …                     to the replica that runs the jobs; FROM 0: no longer
 *   log ID ATTEMPT WORKER STARTED_AT FIRST NUL line NUL … to the replica that follows
 *
 * Pub/sub may lose messages. The numbers of the lines show what is missing, and the next request asks for it again.
 */
import type { Connection } from "./connection.ts";
import { CALL_TIMEOUT_MS } from "./queue-options.ts";

/** A message of these has some 9 KB. */
const MAX_REQUESTS = 200;
const FOLLOW = "follow ";
const LOG = "log ";

/** A job whose log somebody follows. */
export interface LogRequest {
  readonly id: string;
  /** The number of the first line that is wanted, from 1; 0 if nobody follows the job any more. */
  readonly from: number;
}

/** Lines of one attempt. */
export interface LogLines {
  /** Of the job. */
  readonly id: string;
  readonly attempt: number;
  /** The replica that runs it. */
  readonly worker: string;
  /** When the attempt began, epoch ms. With the replica, it distinguishes runs: a released attempt runs again. */
  readonly startedAt: number;
  /** The number of the first of these lines among those of the attempt, from 1. */
  readonly first: number;
  /** Each has its time (ISO 8601), a space, and a text without NUL. */
  readonly lines: readonly string[];
}

export interface LogListeners {
  /** Another replica follows these jobs, or no longer. */
  readonly onRequests: (replica: string, requests: readonly LogRequest[]) => void;
  readonly onLines: (lines: LogLines) => void;
}

export class LogChannel {
  readonly #connection: Pick<Connection, "send">;
  readonly #ns: string;
  readonly #replica: string;
  #listeners: Partial<LogListeners> = {};

  constructor(connection: Pick<Connection, "send">, ns: string, replica: string) {
    this.#connection = connection;
    this.#ns = ns;
    this.#replica = replica;
  }

  /** Sets the listeners; those that are not given stay as they are. */
  listen(listeners: Partial<LogListeners>): void {
    this.#listeners = { ...this.#listeners, ...listeners };
  }

  /** Asks a replica for the lines of jobs that it runs. @throws as `Connection.send` */
  async request(worker: string, requests: readonly LogRequest[]): Promise<void> {
    for (let at = 0; at < requests.length; at += MAX_REQUESTS) {
      const words = requests.slice(at, at + MAX_REQUESTS).map(({ id, from }) => ` ${id} ${from}`);
      await this.#publish(worker, `${FOLLOW}${this.#replica}${words.join("")}`);
    }
  }

  /**
   * Sends lines to a replica that follows the job. They arrive before any change of the job that is announced by a
   * later call of the same connection, as by a settlement.
   * @throws as `Connection.send`
   */
  async send(replica: string, { id, attempt, worker, startedAt, first, lines }: LogLines): Promise<void> {
    await this.#publish(replica, [`${LOG}${id} ${attempt} ${worker} ${startedAt} ${first}`, ...lines].join("\0"));
  }

  /** Takes a message to this replica. @returns whether it is about logs */
  take(message: string): boolean {
    if (message.startsWith(FOLLOW)) {
      const [replica = "", ...words] = message.slice(FOLLOW.length).split(" ");
      this.#listeners.onRequests?.(replica, requestsOf(words));
      return true;
    }
    if (!message.startsWith(LOG)) return false;
    const [head = "", ...lines] = message.slice(LOG.length).split("\0");
    const [id = "", attempt, worker = "", startedAt, first] = head.split(" ");
    const numbers = { attempt: Number(attempt), startedAt: Number(startedAt), first: Number(first) };
    this.#listeners.onLines?.({ id, worker, ...numbers, lines });
    return true;
  }

  async #publish(replica: string, message: string): Promise<void> {
    await this.#connection.send("publish", [`${this.#ns}to:${replica}`, message], CALL_TIMEOUT_MS);
  }
}

function requestsOf(words: readonly string[]): LogRequest[] {
  const requests: LogRequest[] = [];
  for (let i = 0; i + 1 < words.length; i += 2) requests.push({ id: words[i] ?? "", from: Number(words[i + 1]) });
  return requests;
}
