/** Sends one message to its recipients, in as many transactions as the server wants. */
import type { Readable } from "node:stream";
import type { NodemailerError } from "nodemailer";
import { asRetryable } from "../../core/job-errors.ts";
import { PermanentError, RetryAfterError, RetryableError } from "../../core/job-type.ts";
import type { Delivery, UnknownOutcome } from "./delivery.ts";
import { failureOf, isDeferral, isTooMany, judgeAnswers, leftOf, unknownOutcome } from "./delivery.ts";
import { emailError } from "./error-codes.ts";
import type { SendRate } from "./send-rate.ts";
import type { ServerTrouble } from "./server-trouble.ts";
import { troubleOf } from "./server-trouble.ts";
import type { Envelope, Transaction } from "./smtp-connection.ts";
import { mayRepeat } from "./smtp-connection.ts";
import type { SmtpPool } from "./smtp-pool.ts";
import { OpeningError } from "./smtp-pool.ts";

/** How often a message is sent again on another connection because the server had dropped an idle one. */
const MAX_DROPPED = 3;

export interface Sender {
  readonly pool: SmtpPool;
  readonly trouble: ServerTrouble;
  readonly rate: SendRate;
  readonly greylistMs: number;
  readonly unknownOutcome: UnknownOutcome;
}

export interface OutgoingMessage extends Omit<Envelope, "to"> {
  readonly recipients: readonly string[];
  /** Opens the message from its start, once for each transaction. */
  readonly open: () => Readable;
}

export interface Sending {
  readonly signal: AbortSignal;
  readonly log: (message: string, fields: Record<string, unknown>) => void;
}

const NO_CONNECTION = { phase: "opening", accepted: [], rejectedErrors: [], response: "", isReused: false } as const;

/**
 * Resolves when no recipient is left to try. Recipients that `before` names are skipped.
 * @throws {RetryableError} some recipients were deferred, or the transaction failed; its state has the others
 * @throws {PermanentError} all recipients were rejected; `delivery_unknown`, `smtputf8_unsupported`,
 * `message_too_large`
 * @throws {RetryAfterError} the server is in trouble
 */
export async function deliver(
  message: OutgoingMessage,
  before: Delivery,
  sender: Sender,
  sending: Sending,
): Promise<Delivery> {
  const errors: NodemailerError[] = [];
  let now = before;
  for (let left = leftOf(message.recipients, now); left.length > 0; ) {
    const transaction = await transact({ ...message, to: left }, message.open, sender, sending.signal).catch(
      (thrown: unknown) => {
        throw withState(thrown, now, before);
      },
    );
    try {
      now = afterTransaction(now, transaction, sender, sending);
    } catch (thrown) {
      throw withState(thrown, now, before);
    }
    const { accepted, rejectedErrors } = transaction;
    const [postponed, answered] = partition(rejectedErrors, (error) => accepted.length > 0 && isTooMany(error));
    errors.push(...answered);
    left = postponed.map(({ recipient = "" }) => recipient);
  }
  judgeAnswers(now, errors, sender.greylistMs);
  return now;
}

/** @throws the error of the attempt, if the transaction failed */
function afterTransaction(now: Delivery, transaction: Transaction, sender: Sender, { signal, log }: Sending): Delivery {
  const { phase, error, accepted, rejectedErrors, response } = transaction;
  const rejected = rejectedErrors.filter((one) => !isDeferral(one)).map(({ recipient = "" }) => recipient);
  const withRejected = rejected.length === 0 ? now : { ...now, rejected: [...now.rejected, ...rejected] };
  const withAccepted = { ...withRejected, accepted: [...now.accepted, ...accepted], response };
  if (error === undefined) {
    sender.trouble.passed();
    return withAccepted;
  }
  if (signal.aborted && !mayRepeat(signal)) throw signal.reason;
  if (phase === "answer" && error.responseCode === undefined) {
    if (sender.unknownOutcome === "accept") return withAccepted;
    throw unknownOutcome(sender.unknownOutcome, withRejected, accepted, error);
  }
  if (signal.aborted) throw signal.reason;
  if (error instanceof PermanentError) throw error;
  const trouble = troubleOf(error.rejectedErrors?.[0] ?? error, phase);
  if (trouble !== undefined)
    throw sender.trouble.met(trouble, (first) =>
      log("the SMTP server needs the operator's attention; messages wait", { level: "warn", ...first }),
    );
  if (phase !== "opening") sender.trouble.passed();
  if (error.rejectedErrors !== undefined && error.rejectedErrors.length > 0) return withRejected;
  throw failureOf(error, withRejected, sender.greylistMs);
}

/** An error without a state cannot record who has the message: if somebody has, an error with a state replaces it. */
function withState(thrown: unknown, now: Delivery, before: Delivery): unknown {
  if (
    now.accepted.length === before.accepted.length ||
    thrown instanceof PermanentError ||
    thrown instanceof RetryableError
  )
    return thrown;
  if (thrown instanceof RetryAfterError) return asRetryable(thrown, { atLeastMs: thrown.retryAfterMs, state: now });
  return emailError.retryable("stopped", "the attempt was stopped after some recipients had received the message", {
    state: now,
    cause: thrown,
  });
}

async function transact(
  envelope: Envelope,
  open: () => Readable,
  { pool, rate }: Sender,
  signal: AbortSignal,
): Promise<Transaction> {
  await rate.turn(signal);
  for (let dropped = 0; ; dropped++) {
    const transaction = await onConnection(envelope, open, pool, signal);
    const { error, phase, isReused } = transaction;
    const wasDropped = isReused && phase === "envelope" && error !== undefined && isBroken(error) && !signal.aborted;
    if (!wasDropped || dropped === MAX_DROPPED) return transaction;
  }
}

async function onConnection(
  envelope: Envelope,
  open: () => Readable,
  pool: SmtpPool,
  signal: AbortSignal,
): Promise<Transaction> {
  try {
    return await pool.use(signal, async (connection): Promise<Transaction> => {
      if (envelope.isUtf8 && !connection.offers("SMTPUTF8")) {
        const error = emailError.permanent(
          "smtputf8_unsupported",
          "an address has letters beyond ASCII before its @, and the SMTP server does not offer SMTPUTF8",
        );
        return { ...NO_CONNECTION, phase: "envelope", error };
      }
      return connection.transact(envelope, open(), signal);
    });
  } catch (error) {
    if (signal.aborted) return { ...NO_CONNECTION, error: signal.reason as NodemailerError };
    if (error instanceof OpeningError) return { ...NO_CONNECTION, error: error.cause as NodemailerError };
    throw error;
  }
}

/** Whether the connection failed, and not the message. */
function isBroken({ code, responseCode }: NodemailerError): boolean {
  return responseCode === 421 || code === "ECONNECTION" || code === "ESOCKET" || code === "ETIMEDOUT";
}

function partition<Item>(items: readonly Item[], isFirst: (item: Item) => boolean): [Item[], Item[]] {
  const [first, second]: [Item[], Item[]] = [[], []];
  for (const item of items) (isFirst(item) ? first : second).push(item);
  return [first, second];
}
