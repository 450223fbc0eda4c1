/** `GET /docs`: the contract to read and try, by Swagger UI. All of it is served from here; a browser asks nobody else. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { Answer, ApiRequest, Handler } from "./exchange.ts";
import { problem } from "./problem.ts";

const resolve = createRequire(import.meta.url).resolve;

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>TaskFlow API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/swagger-ui.css">
<style>body { margin: 0 } .swagger-ui .topbar { display: none }</style>
</head>
<body>
<div id="docs"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`;

/** A key that was given stays in the tab's memory: it is nothing to leave in a browser. */
const START = `SwaggerUIBundle({
  url: "/api/v1/openapi.json",
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

/** Styles are set on elements by the page's own code; scripts come from files only. */
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const DOCS: Answer = { status: 200, contentType: "text/html; charset=utf-8", headers: [["Content-Security-Policy", POLICY], ["Referrer-Policy", "no-referrer"], ["Cache-Control", "no-cache"]], body: PAGE };

export const getDocs: Handler = (_request, reply) => reply.send(DOCS);

/** Whoever opens the server's address in a browser is shown what it is. */
export const getRoot: Handler = (_request, reply) => reply.send({ status: 302, headers: [["Location", "/docs"]], body: "" });

const JS = "text/javascript; charset=utf-8";
const FILES: Readonly<Record<string, { readonly contentType: string; readonly read: () => Promise<string> }>> = {
  "start.js": { contentType: JS, read: () => Promise.resolve(START) },
  "swagger-ui-bundle.js": { contentType: JS, read: () => readFile(resolve("swagger-ui-dist/swagger-ui-bundle.js"), "utf8") },
  "swagger-ui.css": { contentType: "text/css; charset=utf-8", read: () => readFile(resolve("swagger-ui-dist/swagger-ui.css"), "utf8") },
};

const NOT_FOUND = problem(404, "not_found", "There is nothing at this path.");

export async function getDocsFile({ params }: ApiRequest): Promise<Answer> {
  const file = FILES[params[0] ?? ""];
  if (!file) return NOT_FOUND;
  return { status: 200, contentType: file.contentType, headers: [["Cache-Control", "public, max-age=3600"]], body: await file.read() };
}
