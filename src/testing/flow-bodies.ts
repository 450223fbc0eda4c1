/** Parses bodies that submit flows and batches, with a few job types. */
import { Type } from "typebox";
import { expect } from "vitest";
import type { BodyKind } from "../core/body.ts";
import { parseBody } from "../core/body.ts";
import type { FlowDraft } from "../core/flows/flow.ts";
import type { SubmissionType } from "../core/submission.ts";
import { compileValidator } from "../core/validator.ts";

const mailSchema = compileValidator(
  Type.Object(
    {
      to: Type.String({ pattern: "@", expected: "an address" }),
      n: Type.Optional(Type.Integer()),
      file: Type.Optional(
        Type.Union([
          Type.Object({ artifact: Type.String({ minLength: 40 }) }, { additionalProperties: false }),
          Type.Object({ base64: Type.String() }, { additionalProperties: false }),
        ]),
      ),
      body: Type.Optional(Type.Unknown()),
    },
    { additionalProperties: false },
  ),
);
const note: SubmissionType = { definition: { attempts: 3 }, maxBodyBytes: 0, issuesOf: () => [] };
const mail: SubmissionType = {
  ...note,
  issuesOf: (payload) => (mailSchema.isValid(payload) ? [] : mailSchema.issuesOf(payload)),
};
const types: Readonly<Record<string, SubmissionType>> = {
  note,
  mail,
  history: {
    ...note,
    definition: { attempts: 1, needsRead: (payload: { jobs?: unknown }) => payload.jobs !== undefined },
  },
  bulk: { ...note, definition: { attempts: 1, needsAdmin: true } },
  slow: { ...note, definition: { attempts: 1, timeoutMs: 5, timeoutMsOf: ({ ms }: { ms: number }) => ms } },
  strict: { ...note, definition: { attempts: 1, timeoutMsOf: ({ list }: { list: number[] }) => list.map(Number)[0] } },
};

export const parseFlowBody = (body: unknown, kind: BodyKind = "flow", maxBodyBytes = 1_000_000) =>
  parseBody(
    {
      bytes: new TextEncoder().encode(typeof body === "string" ? body : JSON.stringify(body)),
      kind,
      maxBodyBytes,
      now: 0,
      durability: "redis",
    },
    (type) => (Object.hasOwn(types, type) ? types[type] : undefined),
  );
export type Parsed = Exclude<ReturnType<typeof parseFlowBody>, { rejection: unknown }>;

export function valid(body: unknown, kind: BodyKind = "flow"): Parsed & { flow: FlowDraft } {
  const parsed = parseFlowBody(body, kind);
  if ("rejection" in parsed) throw new Error(JSON.stringify(parsed.rejection));
  if (!parsed.flow) throw new Error("no flow");
  return { ...parsed, flow: parsed.flow };
}

export function issuesOf(body: unknown, kind: BodyKind = "flow", maxBodyBytes?: number): string[] {
  const parsed = parseFlowBody(body, kind, maxBodyBytes);
  if (!("rejection" in parsed)) throw new Error("it is valid");
  expect(parsed.rejection).toMatchObject({ status: 422, code: "validation_failed" });
  return parsed.rejection.issues.map(({ path, message }) => `${path} ${message}`);
}

export const job = (fields: object = {}): object => ({ type: "note", payload: {}, ...fields });
export const refer = (...references: readonly string[]): object =>
  job({ payload: { list: references.map((reference) => ({ $ref: reference })) } });
