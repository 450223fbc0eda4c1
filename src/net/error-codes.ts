/** What a job whose payload names a URL may fail with, for the documentation. */
export const outboundErrors = {
  target_refused:
    "The URL, or one that it was redirected to, leads to no address that may be reached. A host name is retried, whether it does not exist or its addresses are refused",
  destination_limited:
    "The host, a path of it, or the look-up of its name took no more for now; waits without counting an attempt",
  too_many_redirects: "There were more redirects than are followed",
  redirect_drops_body:
    "A redirect (303, or 301 and 302 of a POST) asks for a GET without the body, and is not followed",
  encoding_unknown: "A file is encoded in a way (`Content-Encoding`) that is not known here",
  encoding_invalid: "A file is not what its `Content-Encoding` says, or ends too early; retried",
};
