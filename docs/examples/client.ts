/** Submits jobs, waits for them, and handles errors. Run it: npx tsx docs/examples/client.ts [URL of the server] */
import { TaskFlow, TaskFlowError } from "taskflow/client";

const taskflow = new TaskFlow({ url: process.argv[2] ?? "http://localhost:8080" });
const print = (line: string): boolean => process.stdout.write(`${line}\n`);

// One job, and its result.
const welcome = await taskflow.submit(
  "email",
  { to: "you@example.com", subject: "Welcome", body: "Nice to have you." },
  { priority: 7, tags: ["welcome"] },
);
const done = await taskflow.waitFor(welcome.id, { timeoutMs: 30_000 });
print(`${done.type} ${done.status} after ${done.attempt} attempt`);

// Many jobs in one request: all are accepted, or none.
const accepted = await taskflow.submitMany(
  ["ann", "bob", "cat"].map((name) => ({
    type: "email",
    payload: { to: `${name}@example.com`, subject: "News", body: "Read all about it." },
    tags: ["news"],
  })),
);
for (const { id } of accepted) await taskflow.waitFor(id);
print(`${accepted.length} jobs of the newsletter ended`);

// A rejected submission: the error lists everything that is wrong with it.
try {
  await taskflow.submit("email", { to: "nobody", subject: "Hi" });
} catch (error) {
  if (!(error instanceof TaskFlowError)) throw error;
  print(`${error.status} ${error.code}: ${error.errors.map(({ path }) => path).join(", ")}`);
}
