/** The smallest job type: one required field, one setting, one failure that no retry would mend. */
export default ({ defineJob, Type, PermanentError, exponential }) =>
  defineJob({
    type: "greet",
    lane: "io", // "cpu" runs on a pool thread
    payload: Type.Object(
      { name: Type.String({ minLength: 1, maxLength: 100 }) },
      { additionalProperties: false, examples: [{ name: "Ada" }] },
    ),
    settings: Type.Object({ GREETING: Type.String({ default: "Hello", description: "The word before the name" }) }),
    attempts: 3,
    timeoutMs: 10_000,
    backoff: exponential(1_000, 60_000),
    open: ({ GREETING }) => ({ greeting: GREETING }),
    run: ({ name }, { resource, log }) => {
      if (name === "nobody") throw new PermanentError("there is nobody to greet", { code: "nobody" });
      log("greeting", { length: name.length });
      return { text: `${resource.greeting}, ${name}` };
    },
  });
