/** `GET /api/v1/whoami`: who the caller is and what it may do, so that a page can offer that. */
import { version } from "../../config/version.ts";
import { hasScope, SCOPES } from "../../core/api-key.ts";
import type { ApiDependencies } from "../dependencies.ts";
import type { ApiRequest, Handler } from "../http/exchange.ts";
import { json } from "../http/exchange.ts";

export function getWhoami({
  settings,
}: {
  readonly settings: Pick<ApiDependencies["settings"], "dashboard">;
}): Handler {
  return ({ caller }: Pick<ApiRequest, "caller">, reply) => {
    const { dashboard } = settings;
    const isUser = caller?.isUser === true;
    const body = {
      key: caller === undefined || isUser ? null : { id: caller.id, name: caller.name },
      user: isUser ? caller.name : null,
      scopes: SCOPES.filter((scope) => caller === undefined || hasScope(caller, scope)),
      dashboard: { mode: dashboard.mode, label: dashboard.label },
      version,
    };
    reply.send(json(200, JSON.stringify(body)));
  };
}
