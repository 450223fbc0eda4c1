/** Job type `data_export`: rows of the payload, or of a query that the operator placed, as a file. */
import { pipeline, Readable } from "node:stream";
import { createGzip } from "node:zlib";
import { Type, type Static } from "typebox";
import { artifactSettings, openArtifactStore } from "../artifacts/settings.ts";
import type { ArtifactStore } from "../artifacts/store.ts";
import { defineJob, exponential, type AttemptContext } from "../core/job-type.ts";
import { encodeLines } from "../exports/line-encoder.ts";
import { EXPORT_FORMATS, type LineSource } from "../exports/line-source.ts";
import { openQuery, querySettings, type QuerySettings } from "../exports/query-lines.ts";
import { openRows } from "../exports/row-lines.ts";

/** A piece of a file: large enough that handing it on costs nothing beside its bytes. */
const CHUNK_BYTES = 262_144;

const column = Type.String({ minLength: 1, maxLength: 255 });
const parameter = Type.Union([Type.String({ maxLength: 65_536 }), Type.Number(), Type.Boolean(), Type.Null()]);

const source = Type.Union([
  Type.Object(
    { rows: Type.Array(Type.Record(Type.String(), Type.Unknown()), { maxItems: 100_000, description: "Objects; what is nested becomes JSON in CSV." }) },
    { additionalProperties: false },
  ),
  Type.Object(
    {
      query: Type.String({ pattern: "^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$", description: "The name of a query that the operator placed." }),
      params: Type.Optional(Type.Record(Type.String({ maxLength: 63 }), parameter, { maxProperties: 100 })),
    },
    { additionalProperties: false },
  ),
]);

const payloadSchema = Type.Object(
  {
    format: Type.Enum([...EXPORT_FORMATS]),
    source,
    columns: Type.Optional(
      Type.Array(column, {
        minItems: 1,
        maxItems: 1_600, // Postgres has no more in a row
        uniqueItems: true,
        description: "Which columns, in which order. Default: the query's; of rows the keys of the first one (csv), or each row as it is.",
      }),
    ),
    gzip: Type.Optional(Type.Boolean({ description: "Default false." })),
    filename: Type.Optional(
      Type.String({
        pattern: "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,111}$",
        description: "The name of the artifact (default `export`); the extensions of the format and of gzip are added where missing.",
      }),
    ),
  },
  {
    additionalProperties: false,
    examples: [
      { format: "csv", source: { rows: [{ id: 1, name: "Ada", balance: -2 }, { id: 2, name: "Grace", balance: 40.5 }] }, filename: "customers.csv" },
      { format: "ndjson", source: { rows: [{ id: 1, tags: ["a", "b"] }] }, columns: ["id"], gzip: true },
    ],
  },
);

type Payload = Static<typeof payloadSchema>;

interface Tool {
  readonly store: ArtifactStore;
  readonly queries: QuerySettings;
}

interface ExportResult {
  /** The name of the artifact. */
  readonly artifact: string;
  /** Without the header of CSV. */
  readonly rows: number;
  readonly bytes: number;
  /** Of the file, in hexadecimal. */
  readonly sha256: string;
}

export default defineJob({
  type: "data_export",
  lane: "cpu",
  maxBodyBytes: 16 * 1024 * 1024,
  payload: payloadSchema,
  settings: Type.Object({ ...artifactSettings, ...querySettings }),
  attempts: 3,
  timeoutMs: 600_000,
  backoff: exponential(1_000, 600_000),
  open: async (settings): Promise<Tool> => ({ store: await openArtifactStore(settings), queries: settings }),
  run: exportRows,
});

async function exportRows(payload: Payload, { jobId, attempt, tool }: AttemptContext<Tool>): Promise<ExportResult> {
  const name = artifactName(payload);
  const lines = await openLines(payload, tool.queries);
  try {
    const written = await tool.store.write({ jobId, attempt, name }, fileOf(payload, lines));
    return { artifact: name, rows: lines.rowCount(), ...written };
  } finally {
    await lines.close();
  }
}

async function openLines({ source, format, columns }: Payload, settings: QuerySettings): Promise<LineSource> {
  return "rows" in source ? openRows(source.rows, format, columns) : openQuery(settings, source, format, columns);
}

/** The file's bytes: each piece is made when the one before it is written. */
function fileOf({ format, gzip }: Payload, lines: LineSource): Readable {
  const plain = Readable.from(encodeLines(lines, format), { highWaterMark: 2 });
  if (gzip !== true) return plain;
  const zipped = createGzip({ chunkSize: CHUNK_BYTES });
  return pipeline(plain, zipped, () => undefined); // a fault of either ends the other, and the store throws it
}

/** Ends in what it is, so that the content type it is served with is true. */
function artifactName({ format, gzip, filename = "export" }: Payload): string {
  const bare = filename.endsWith(".gz") ? filename.slice(0, -3) : filename;
  const named = bare.endsWith(`.${format}`) ? bare : `${bare}.${format}`;
  return gzip === true ? `${named}.gz` : named;
}
