/**
 * `GET /ui`: the dashboard. One page serves all its screens, whose paths are below /ui. The build bundles src/dashboard
 * into dist/dashboard, with the hash of its content in the name of each file.
 */
import { readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { at } from "../../core/at.ts";
import type { Answer, ApiRequest, Handler } from "../http/exchange.ts";
import { problem } from "../http/problem.ts";
import { StaticFile } from "../http/static-file.ts";

/** No inline scripts and styles, and no requests to other hosts. Images of jobs are blobs, read with the user's key. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; worker-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
};

const NOT_FOUND = problem(404, "not_found", "There is nothing at this path.");
const NOT_BUILT = problem(404, "not_found", "The dashboard is not part of this build.");

/** From src/ in tests, and from dist/. */
const FOLDER = fileURLToPath(
  new URL(import.meta.url.endsWith(".ts") ? "../../../dist/dashboard/" : "../../dashboard/", import.meta.url),
);

interface Built {
  readonly files: ReadonlyMap<string, StaticFile>;
  /** The names of the files that the page itself loads; undefined if they are missing. */
  readonly entries: { readonly script: string; readonly style: string } | undefined;
}

let built: Built | undefined;

function builtFiles(): Built {
  built ??= readBuild();
  return built;
}

function readBuild(): Built {
  const names = namesOf(FOLDER);
  const files = names.flatMap((name): [string, StaticFile][] => {
    const contentType = CONTENT_TYPES[name.slice(name.lastIndexOf(".") + 1)];
    if (contentType === undefined) return [];
    return [
      [
        name,
        new StaticFile({ contentType, isImmutable: /-[A-Z0-9]{8}\./.test(name), read: () => readFile(FOLDER + name) }),
      ],
    ];
  });
  const script = names.find((name) => /^main-[A-Z0-9]{8}\.js$/.test(name));
  const style = names.find((name) => /^main-[A-Z0-9]{8}\.css$/.test(name));
  return {
    files: new Map(files),
    entries: script !== undefined && style !== undefined ? { script, style } : undefined,
  };
}

function namesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/**
 * The page of a screen. Its URLs are relative, so they work under the path prefix of any proxy.
 * @param up the way from the folder of the path to the server's root: "" for `/ui`, `../` for `/ui/jobs`
 */
function page(up: string, { script, style }: NonNullable<Built["entries"]>): Answer {
  const assets = `${up}ui/assets`;
  return {
    status: 200,
    contentType: "text/html; charset=utf-8",
    headers: [
      ["Content-Security-Policy", POLICY],
      ["Referrer-Policy", "no-referrer"],
      ["Cache-Control", "no-cache"],
    ],
    body: `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>TaskFlow</title>
<link rel="icon" href="${assets}/icon.svg">
<link rel="stylesheet" href="${assets}/${style}">
<script type="module" src="${assets}/${script}"></script>
</head>
<body>
<div id="app"></div>
<noscript>The dashboard needs JavaScript. The API is described at <a href="${up}docs">/docs</a>.</noscript>
</body>
</html>
`,
  };
}

/** The dashboard's page at any of its paths. */
export const getDashboard: Handler = (request, reply) => {
  const { entries } = builtFiles();
  reply.send(entries ? page("../".repeat(request.params.filter(Boolean).length), entries) : NOT_BUILT);
};

export async function getDashboardFile(request: ApiRequest): Promise<Answer> {
  const file = builtFiles().files.get(at(request.params, 0));
  return file ? file.answer(request) : NOT_FOUND;
}
