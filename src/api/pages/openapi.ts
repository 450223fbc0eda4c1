/** `GET /api/v1/openapi.json`: the OpenAPI document of this server. */
import { version } from "../../config/version.ts";
import type { Registry } from "../../jobs/registry.ts";
import { openApiDocument } from "../contract/document.ts";
import type { Operation } from "../contract/operation.ts";
import { basePathOf } from "../http/base-path.ts";
import type { Answer, ApiRequest } from "../http/exchange.ts";
import { JSON_TYPE } from "../http/exchange.ts";
import { StaticFile } from "../http/static-file.ts";

export interface OpenApiOptions {
  readonly registry: Registry;
  readonly publicUrl: string;
  /** All operations; available once the server has its routes. */
  readonly operations: () => readonly Operation[];
}

/** Relative to the URL of the document, so that it works under the path prefix of any proxy. */
const RELATIVE_ROOT = "../..";

export function getOpenApi({
  registry,
  publicUrl,
  operations,
}: OpenApiOptions): (request: ApiRequest) => Promise<Answer> {
  const read = (): Promise<Buffer> =>
    Promise.resolve(
      Buffer.from(
        JSON.stringify(
          openApiDocument({
            operations: operations(),
            registry,
            version,
            serverUrl: publicUrl === "" ? RELATIVE_ROOT : basePathOf(publicUrl) || "/",
          }),
        ),
      ),
    );
  const file = new StaticFile({
    contentType: JSON_TYPE,
    headers: [["Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"]],
    read,
  });
  return (request) => file.answer(request);
}
