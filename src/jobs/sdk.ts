/**
 * What a job type is written with. A file of a deployment whose default export is a function gets this module as its
 * argument, and need not find our package to use it; one in TypeScript imports it as `taskflow/job`. A name that leaves
 * this list breaks the types of deployments.
 */
export { Type } from "typebox";
export { exponential, fixed } from "../core/backoff.ts";
export { jobErrors } from "../core/job-errors.ts";
export type { AttemptContext, JobDefinition, Lane, PayloadIssue, Services } from "../core/job-type.ts";
export { defineJob, PermanentError, ReleaseError, RetryAfterError, RetryableError } from "../core/job-type.ts";
export { outboundErrors } from "../net/error-codes.ts";
export { assertSuccess, isSelfExplanatory, meaningOf } from "../net/http-outcome.ts";
export type { Outbound, OutboundRequest, OutboundResponse } from "../net/outbound.ts";
export { openOutbound, openTrustedOutbound, outboundSettings } from "../net/outbound.ts";
export { retryAfterMs } from "../net/retry-after.ts";
export { urlIssue } from "../net/target.ts";
