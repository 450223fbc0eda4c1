/** One email job, run by its type against a server of the test. */
import email from "../jobs/email/email.ts";
import { noThread } from "./no-thread.ts";
import { tempDir } from "./services.ts";

export type EmailPayload = Parameters<typeof email.run>[0];
export type EmailSettings = Parameters<NonNullable<typeof email.open>>[0];

interface EmailResult {
  readonly message_id: string;
  readonly accepted: readonly string[];
  readonly rejected: readonly string[];
  readonly response: string;
}

const EMAIL_JOB_ID = "01890a5d-ac96-774b-bcce-b302099a8057";

export async function openEmailType(SMTP_URL: string, more: Partial<EmailSettings> = {}) {
  const resource = await email.open?.({
    SMTP_URL,
    SMTP_CONNECTIONS: 2,
    EMAIL_FROM: "taskflow@example.org",
    ARTIFACTS_DIR: tempDir(),
    ...more,
  });
  if (resource === undefined) throw new Error("email has no open");
  const abort = new AbortController();
  const lines: unknown[] = [];
  const log = (message: string, fields?: Record<string, unknown>) => void lines.push({ message, ...fields });
  const context = {
    jobId: EMAIL_JOB_ID,
    attempt: 1,
    timeoutMs: 900_000,
    resource,
    signal: abort.signal,
    progress: () => undefined,
    log,
    onThread: noThread,
  };
  const send = async (payload: EmailPayload, state?: unknown) =>
    (await email.run(payload, { ...context, state })) as EmailResult;
  /** The error with which sending fails. */
  const failureOf = (
    payload: EmailPayload,
    state?: unknown,
  ): Promise<Error & { readonly state?: unknown; readonly code?: string }> =>
    send(payload, state).then(
      () => {
        throw new Error("expected the send to fail");
      },
      (thrown: unknown) => thrown as Error,
    );
  return { send, failureOf, lines, abort, close: () => email.close?.(resource) };
}
