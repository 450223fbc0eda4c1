import { jobErrors } from "../core/job-errors.ts";

/** The error codes of a job whose payload names a URL. A type that fetches such a URL lists them with its own codes. */
export const outboundErrors = {
  target_refused:
    "The URL, or one that it redirects to, leads to no address that may be reached. A host name is retried, whether it does not exist or its addresses are rejected",
  destination_limited:
    "The host, a path of it, or the look-up of its name accepts no more requests at the moment; waits without counting an attempt",
  too_many_redirects: "The URL redirects more often than TaskFlow follows",
  redirect_drops_body:
    "A redirect (303, or 301 and 302 of a POST) asks for a GET without the body, and is not followed",
  encoding_unknown: "The `Content-Encoding` of a response is not supported",
  encoding_invalid: "A response does not match its `Content-Encoding`, or ends too early; retried",
};

/** Codes that each job type replaces with its own code, except `timeout`, which any job may have. */
const replacedErrors = {
  timeout: "No complete response arrived in time",
  too_large: "The response is larger than the caller of `fetch` accepts",
};

export const outboundError = jobErrors({ ...outboundErrors, ...replacedErrors });
export const { isCode: isOutboundCode } = jobErrors(outboundErrors);
