import { artifactReadErrors, artifactWriteErrors } from "../../artifacts/error-codes.ts";
import { jobErrors } from "../../core/job-errors.ts";
import { outboundErrors } from "../../net/error-codes.ts";

/** What a job of type `image_resize` may fail with, for the documentation. */
export const imageErrors = {
  image_unsupported: "It is not an image of a format that is read here",
  image_too_large:
    "More bytes, pixels or frames than are taken, or than an output may have; or outputs that would take a core for too long",
  image_invalid: "The image is damaged or cannot be read; `on_error` says whether a damaged one is taken",
  image_timeout: "The image took too long; tried three times at most",
  image_process_exited:
    "The process that decodes and encodes ended in the middle: killed for want of memory, or by a fault in a decoder; tried three times at most",
  source_refused: "The URL of the source answered with a status that is final",
  source_unreachable: "The URL of the source gave no answer, 408, 425 or 5xx; retried",
  source_busy: "The URL of the source answered 429 for too long; waits without counting an attempt",
  ...artifactReadErrors,
  ...artifactWriteErrors,
  ...outboundErrors,
};

export const imageError = jobErrors(imageErrors);
