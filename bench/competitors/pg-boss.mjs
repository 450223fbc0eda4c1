// Fastify + pg-boss, set up as its documentation advises for throughput: one send per request, several workers that
// each fetch a batch, the shortest polling interval that it allows. The outcome is pg-boss's row in state `completed`.
// Environment: DATABASE_URL, PORT.
import Fastify from "fastify";
import PgBoss from "pg-boss";

const WORKERS = 4;

const boss = new PgBoss({ connectionString: process.env.DATABASE_URL, max: 20 });
boss.on("error", (error) => console.log(error));
await boss.start();
await boss.createQueue("bench");

const app = Fastify();
const body = {
  type: "object",
  required: ["type", "payload"],
  properties: { type: { type: "string" }, payload: { type: "object", additionalProperties: true } },
};
app.post("/jobs", { schema: { body } }, async (request, reply) => {
  const id = await boss.send("bench", request.body, { retryLimit: 3, retryBackoff: true, retryDelay: 1 });
  reply.code(202);
  return { id, status: "queued" };
});

for (let n = 0; n < WORKERS; n += 1) {
  await boss.work("bench", { batchSize: 500, pollingIntervalSeconds: 0.5 }, async () => ({ ok: true }));
}
await app.listen({ port: Number(process.env.PORT ?? 9914) });
console.log("listening");
