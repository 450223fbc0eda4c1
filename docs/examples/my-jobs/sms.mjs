/**
 * Sends a text message through a gateway with an HTTP API.
 *
 * - The job's id is the gateway's idempotency key: a repeated attempt does not send the message twice.
 * - 429 waits as long as the gateway asks and uses up no attempt; 408, 425 and 5xx answers, time-outs and broken
 *   connections are retried; other answers fail at once.
 * - The gateway may be in your own network: the client reaches no other origin.
 */
export default ({ assertSuccess, defineJob, exponential, jobErrors, openTrustedOutbound, outboundSettings, Type }) => {
  const errors = {
    sms_NNN: "The gateway's answer, as in `sms_401`: 408, 425 and 5xx are retried, other codes are final",
    sms_busy: "The gateway answered 429; the job waits and uses up no attempt",
    sms_not_configured: "SMS_GATEWAY_URL is not set",
  };
  const smsErrors = jobErrors(errors);
  return defineJob({
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
      ...outboundSettings,
      SMS_GATEWAY_URL: Type.String({ default: "", description: "The gateway's address for new messages" }),
      SMS_GATEWAY_TOKEN: Type.String({
        default: "",
        secret: true, // never logged, and may be given in the file that SMS_GATEWAY_TOKEN_FILE names
        description: "The bearer token of your account at the gateway",
      }),
    }),
    errors,
    attempts: 5,
    timeoutMs: 15_000,
    backoff: exponential(2_000, 600_000),
    open: ({ SMS_GATEWAY_URL: url, SMS_GATEWAY_TOKEN: token, ...settings }) => ({
      url,
      token,
      outbound: url === "" ? undefined : openTrustedOutbound(url, settings),
    }),
    close: ({ outbound }) => outbound?.close(),
    run: async ({ to, text }, { resource: { url, token, outbound }, jobId, signal }) => {
      if (outbound === undefined) throw smsErrors.permanent("sms_not_configured", "SMS_GATEWAY_URL is not set");
      const response = await outbound.fetch(url, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json", "idempotency-key": jobId },
        body: JSON.stringify({ to, text }),
        signal, // aborted when the job is cancelled or times out
      });
      const code = `sms_${response.status}`;
      assertSuccess(response, smsErrors, {
        message: `the gateway answered ${response.status}`,
        codes: { final: code, retry: code, busy: "sms_busy" },
        nowMs: Date.now(), // `Retry-After` may be a date
      });
      return { message_id: JSON.parse(response.body.toString()).id };
    },
  });
};
