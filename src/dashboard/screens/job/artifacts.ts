/** The files that a result names, and how the dashboard can show them. */

export interface Artifact {
  readonly name: string;
  /** Undefined where the result does not have it. */
  readonly bytes: number | undefined;
  /** In pixels, of an image. */
  readonly height: number | undefined;
  /** `640 × 480`, or the number of rows. */
  readonly detail: string | undefined;
  /** Downloads the file without an API key; undefined where there is none, or it has expired. */
  readonly link: string | undefined;
}

const MAX_ARTIFACTS = 200;

/** All files that the result names by a member `artifact`, at any depth. @param now epoch ms */
export function artifactsIn(result: unknown, now: number): Artifact[] {
  const found = new Map<string, Artifact>();
  const walk = (value: unknown): void => {
    if (typeof value !== "object" || value === null || found.size === MAX_ARTIFACTS) return;
    const { artifact, bytes, width, height, rows, link, link_expires_at: expires } = value as Record<string, unknown>;
    if (typeof artifact === "string" && !found.has(artifact))
      found.set(artifact, {
        name: artifact,
        bytes: typeof bytes === "number" ? bytes : undefined,
        height: typeof height === "number" ? height : undefined,
        detail: detailOf(width, height, rows),
        link: typeof link === "string" && !isPast(expires, now) && /^https?:\/\//.test(link) ? link : undefined,
      });
    Object.values(value).forEach(walk);
  };
  walk(result);
  return [...found.values()];
}

function isPast(expires: unknown, now: number): boolean {
  return typeof expires === "string" && Date.parse(expires) <= now;
}

function detailOf(width: unknown, height: unknown, rows: unknown): string | undefined {
  if (typeof width === "number" && typeof height === "number") return `${width} × ${height}`;
  return typeof rows === "number" ? `${rows} ${rows === 1 ? "row" : "rows"}` : undefined;
}

const IMAGES: Readonly<Record<string, string>> = {
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  png: "image/png",
  webp: "image/webp",
  avif: "image/avif",
  gif: "image/gif",
};

export type Preview =
  | { readonly kind: "image"; readonly type: string }
  | { readonly kind: "table" }
  | { readonly kind: "text" }
  /** Why there is none; "" where nobody expects one. */
  | { readonly kind: "none"; readonly reason: string };

/** Larger images would cost the browser more than a look is worth. */
const MAX_IMAGE_BYTES = 10_000_000;

export function previewOf({ name, bytes }: Artifact): Preview {
  const extension = name.slice(name.lastIndexOf(".") + 1).toLowerCase();
  const type = Object.hasOwn(IMAGES, extension) ? IMAGES[extension] : undefined;
  if (type !== undefined)
    return bytes !== undefined && bytes > MAX_IMAGE_BYTES
      ? { kind: "none", reason: "The image is too large to be shown here." }
      : { kind: "image", type };
  if (extension === "csv") return { kind: "table" };
  if (["json", "ndjson", "txt", "log", "xml"].includes(extension)) return { kind: "text" };
  if (["gz", "zst"].includes(extension))
    return { kind: "none", reason: "The file is compressed: download it to read it." };
  return { kind: "none", reason: "" };
}

/** The beginning of a file. */
export interface Beginning {
  readonly text: string;
  /** Whether the text is the whole file. */
  readonly isWhole: boolean;
}

const DELIMITERS = [",", ";", "\t", "|"];

/**
 * The rows of the beginning of a CSV file (RFC 4180). The delimiter is the one that the first line has most.
 * If the text is not the whole file, its last row may be cut, and is left out.
 */
export function csvRows({ text, isWhole }: Beginning, limit: number): string[][] {
  const source = text.replace(/^\ufeff/, "");
  const [first = ""] = source.split(/\r?\n/, 1);
  const counts = DELIMITERS.map((each) => first.split(each).length);
  const delimiter = DELIMITERS[counts.indexOf(Math.max(...counts))] ?? ",";
  const rows: string[][] = [];
  let [row, cell, isQuoted]: [string[], string, boolean] = [[], "", false];
  const endRow = (): void => {
    rows.push([...row, cell]);
    [row, cell] = [[], ""];
  };
  for (let at = 0; at < source.length && rows.length < limit; at += 1) {
    const character = source[at] ?? "";
    if (character === '"' && isQuoted && source[at + 1] === '"') {
      cell += '"';
      at += 1;
    } else if (character === '"') isQuoted = !isQuoted;
    else if (isQuoted) cell += character;
    else if (character === delimiter) {
      row.push(cell);
      cell = "";
    } else if (character === "\n") endRow();
    else if (character !== "\r") cell += character;
  }
  if (isWhole && rows.length < limit && (cell !== "" || row.length > 0)) endRow();
  return rows;
}
