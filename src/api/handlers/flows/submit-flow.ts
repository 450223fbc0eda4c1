/** `POST /api/v1/flows` and `POST /api/v1/batches`. */
import type { BodyKind } from "../../../core/body.ts";
import type { ApiDependencies } from "../../dependencies.ts";
import { basePathOf } from "../../http/base-path.ts";
import { batchKindOf, isJson } from "../../http/content-type.ts";
import type { ApiRequest, Handler } from "../../http/exchange.ts";
import { json } from "../../http/exchange.ts";
import type { LargeBodies } from "../../http/large-bodies.ts";
import { issuesOfNoQuery } from "../../http/no-query.ts";
import { idempotencyOfRequest, REPLAYED } from "../idempotency.ts";
import { parsing, rejectionOfHead } from "../submission-body.ts";
import { enqueueFlow, type ParsedFlow } from "./enqueue-flow.ts";
import type { FlowView } from "./find-flow.ts";
import { BATCH_VIEW, FLOW_VIEW } from "./find-flow.ts";
import { acceptedState } from "./flow-json.ts";

export function submitFlow(deps: ApiDependencies, largeBodies: LargeBodies): Handler {
  return submitting(deps, largeBodies, FLOW_VIEW, {
    call: "flow",
    types: "application/json",
    kindOf: ({ contentType }) => (isJson(contentType) ? "flow" : undefined),
  });
}

export function submitBatchFlow(deps: ApiDependencies, largeBodies: LargeBodies): Handler {
  const kinds = { batch: "flow-batch", ndjson: "flow-batch-ndjson" } as const;
  return submitting(deps, largeBodies, BATCH_VIEW, {
    call: "flow_batch",
    types: "application/json or application/x-ndjson",
    kindOf: ({ contentType }) => {
      const kind = batchKindOf(contentType);
      return kind && kinds[kind];
    },
  });
}

interface Bodies {
  readonly call: "flow" | "flow_batch";
  /** The Content-Types, for the message. */
  readonly types: string;
  readonly kindOf: (headers: ApiRequest["headers"]) => BodyKind | undefined;
}

function submitting(
  deps: ApiDependencies,
  largeBodies: LargeBodies,
  view: FlowView,
  { call, types, kindOf }: Bodies,
): Handler {
  const parse = parsing(deps, largeBodies);
  const path = `${basePathOf(deps.settings.publicUrl)}/api/v1/${view.path}/`;
  return (request, reply) => {
    const kind = kindOf(request.headers);
    const rejection = rejectionOfHead(request, { isRightType: kind !== undefined, types });
    if (rejection || !kind) {
      if (rejection) reply.send(rejection);
      return;
    }
    const issues = issuesOfNoQuery(request.query);
    const idempotency = idempotencyOfRequest(deps, request, call);
    parse(request, reply, { kind, now: deps.queue.clock.now(), issues }, (parsed, through) =>
      enqueueFlow(deps, request, parsed as ParsedFlow, {
        idempotency,
        begin: () => through(reply),
        accepted: (flow, { kind: outcome }) => {
          const location = ["Location", path + flow.id] as const;
          const answer = json(202, view.toJson(acceptedState(flow)));
          return { ...answer, headers: outcome === "replayed" ? [location, REPLAYED] : [location] };
        },
      }),
    );
  };
}
