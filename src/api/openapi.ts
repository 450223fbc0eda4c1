/** `GET /api/v1/openapi.json`: the contract, as this server serves it. */
import { readFileSync } from "node:fs";
import type { Registry } from "../registry.ts";
import { openApiDocument } from "./contract/document.ts";
import type { Operation } from "./contract/operation.ts";
import type { Handler } from "./exchange.ts";
import { json } from "./exchange.ts";

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { readonly version: string };

/** @param operations all that are served, known once the server has its routes */
export function getOpenApi(registry: Registry, operations: () => readonly Operation[]): Handler {
  let text: string | undefined;
  return (_request, reply) => {
    text ??= JSON.stringify(openApiDocument({ operations: operations(), registry, version }));
    reply.send(json(200, text));
  };
}
