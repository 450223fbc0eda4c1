/** `GET /api/v1/openapi.json`: the contract, as this server serves it. */
import { readFileSync } from "node:fs";
import type { Registry } from "../registry.ts";
import { openApiDocument } from "./contract/document.ts";
import type { Operation } from "./contract/operation.ts";
import type { Answer, ApiRequest } from "./exchange.ts";
import { JSON_TYPE } from "./exchange.ts";
import { StaticFile } from "./static-file.ts";

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { readonly version: string };

/** @param operations all that are served, known once the server has its routes */
export function getOpenApi(registry: Registry, operations: () => readonly Operation[]): (request: ApiRequest) => Promise<Answer> {
  const read = (): Promise<Buffer> => Promise.resolve(Buffer.from(JSON.stringify(openApiDocument({ operations: operations(), registry, version }))));
  const file = new StaticFile({ contentType: JSON_TYPE, headers: [["Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"]], read });
  return (request) => file.answer(request);
}
