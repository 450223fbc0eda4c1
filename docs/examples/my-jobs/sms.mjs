/**
 * Sends a text message through a gateway with an HTTP API.
 *
 * - The job's id is the gateway's idempotency key: a repeated attempt does not send the message twice.
 * - 429 waits as long as the gateway asks and uses up no attempt; other 4xx answers fail at once; 5xx answers,
 *   time-outs and broken connections are retried.
 */
export default ({ defineJob, Type, PermanentError, RetryAfterError, RetryableError, exponential }) =>
  defineJob({
    type: "sms",
    lane: "io",
    payload: Type.Object(
      {
        to: Type.String({
          pattern: "^\\+[1-9][0-9]{6,14}$",
          maxLength: 16,
          expected: "a number in international form, such as +4915112345678",
        }),
        text: Type.String({ minLength: 1, maxLength: 1_600 }),
      },
      { additionalProperties: false, examples: [{ to: "+4915112345678", text: "Your code is 4711" }] },
    ),
    settings: Type.Object({
      SMS_GATEWAY_URL: Type.String({ default: "", description: "The gateway's address for new messages" }),
      SMS_GATEWAY_TOKEN: Type.String({
        default: "",
        secret: true, // never logged, and may be given in the file that SMS_GATEWAY_TOKEN_FILE names
        description: "The bearer token of your account at the gateway",
      }),
    }),
    errors: {
      sms_NNN: "The gateway's answer, as in `sms_401`: 5xx is retried, other codes are final",
      sms_busy: "The gateway answered 429; the job waits and uses up no attempt",
      sms_not_configured: "SMS_GATEWAY_URL is not set",
    },
    attempts: 5,
    timeoutMs: 15_000,
    backoff: exponential(2_000, 600_000),
    open: ({ SMS_GATEWAY_URL, SMS_GATEWAY_TOKEN }) => ({ url: SMS_GATEWAY_URL, token: SMS_GATEWAY_TOKEN }),
    run: async ({ to, text }, { resource: { url, token }, jobId, signal }) => {
      if (url === "") throw new PermanentError("SMS_GATEWAY_URL is not set", { code: "sms_not_configured" });
      const response = await fetch(url, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json", "idempotency-key": jobId },
        body: JSON.stringify({ to, text }),
        signal, // aborted when the job is cancelled or times out
      });
      if (response.ok) return { message_id: (await response.json()).id };
      await response.body?.cancel();
      const answer = `the gateway answered ${response.status}`;
      if (response.status === 429) {
        const seconds = Number(response.headers.get("retry-after") ?? 60);
        throw new RetryAfterError(answer, (Number.isFinite(seconds) ? seconds : 60) * 1_000, { code: "sms_busy" });
      }
      const code = `sms_${response.status}`;
      throw response.status >= 500 ? new RetryableError(answer, { code }) : new PermanentError(answer, { code });
    },
  });
