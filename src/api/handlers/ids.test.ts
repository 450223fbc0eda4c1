import { expect, it } from "vitest";
import { request, startApiServer } from "../../testing/api-server.ts";

/** The lower 62 bits. */
const bitsOf = (id: string): bigint => BigInt(`0x${id.slice(19).replace("-", "")}`) & 0x3fff_ffff_ffff_ffffn;

it("of one caller's jobs do not reveal those of another, even for simultaneous submissions", async () => {
  const server = await startApiServer();
  for (let round = 0; round < 12; round += 1) {
    const submit = (i: number) =>
      request(server, "POST", "/api/v1/jobs", { type: "note", payload: { text: `of caller ${i % 2}` } });
    const ids = (await Promise.all(Array.from({ length: 24 }, (_, i) => submit(i)))).map(({ body }) => String(body.id));
    for (const [i, own] of ids.entries()) {
      for (const other of ids.slice(i + 1)) {
        if (own.slice(0, 18) !== other.slice(0, 18)) continue; // from different milliseconds
        const distance = bitsOf(own) - bitsOf(other);
        expect(distance > 1_000n || distance < -1_000n, `${own} and ${other}`).toBe(true);
      }
    }
  }
  await server.close();
});
