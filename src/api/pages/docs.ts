/**
 * `GET /docs`: the API documentation in Swagger UI. The server has all its files, so browsers contact no other site.
 */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { at } from "../../core/at.ts";
import type { Answer, ApiRequest, Handler } from "../http/exchange.ts";
import { problem } from "../http/problem.ts";
import { StaticFile } from "../http/static-file.ts";

const require = createRequire(import.meta.url);
/** The version of Swagger UI, in the URLs of its files, which change only with it. */
const VERSION = `v=${(require("swagger-ui-dist/package.json") as { readonly version: string }).version}`;

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>TaskFlow API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css?${VERSION}">
<style>body { margin: 0 } .swagger-ui .topbar { display: none }</style>
</head>
<body>
<div id="docs"></div>
<script src="docs/swagger-ui-bundle.js?${VERSION}"></script>
<script src="docs/start.js"></script>
</body>
</html>
`;

/**
 * All URLs are relative, so that they work under the path prefix of any proxy. An API key stays in the memory of the
 * tab and is not stored in the browser.
 */
const START = `SwaggerUIBundle({
  url: new URL("api/v1/openapi.json", location.href).href,
  dom_id: "#docs",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  docExpansion: "list",
  persistAuthorization: false,
  tryItOutEnabled: false,
  validatorUrl: null,
});
`;

/** The page's own code sets styles on elements; scripts come only from files. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const DOCS: Answer = {
  status: 200,
  contentType: "text/html; charset=utf-8",
  headers: [
    ["Content-Security-Policy", POLICY],
    ["Referrer-Policy", "no-referrer"],
    ["Cache-Control", "no-cache"],
  ],
  body: PAGE,
};

export const getDocs: Handler = (_request, reply) => reply.send(DOCS);

/**
 * Redirects a browser that opens the server's address.
 * @param page `ui` or `docs`
 * @param basePath of PUBLIC_URL; without one, the redirect is relative
 */
export function getRoot(page: "ui" | "docs", basePath: string): Handler {
  const location = basePath === "" ? page : `${basePath}/${page}`;
  return (_request, reply) => reply.send({ status: 302, headers: [["Location", location]], body: "" });
}

const JS = "text/javascript; charset=utf-8";
const ofSwagger = (name: string, contentType: string): StaticFile =>
  new StaticFile({ contentType, version: VERSION, read: () => readFile(require.resolve(`swagger-ui-dist/${name}`)) });
const FILES: ReadonlyMap<string, StaticFile> = new Map([
  ["start.js", new StaticFile({ contentType: JS, read: () => Promise.resolve(Buffer.from(START)) })],
  ["swagger-ui-bundle.js", ofSwagger("swagger-ui-bundle.js", JS)],
  ["swagger-ui.css", ofSwagger("swagger-ui.css", "text/css; charset=utf-8")],
]);

const NOT_FOUND = problem(404, "not_found", "There is nothing at this path.");

export async function getDocsFile(request: ApiRequest): Promise<Answer> {
  const file = FILES.get(at(request.params, 0));
  return file ? file.answer(request) : NOT_FOUND;
}
