import { artifactReadErrors, artifactWriteErrors } from "../../artifacts/error-codes.ts";
import { jobErrors } from "../../core/job-errors.ts";
import { outboundErrors } from "../../net/error-codes.ts";

/** The error codes of the job type `image_resize`. */
export const imageErrors = {
  image_unsupported: "The source is not an image of a supported format",
  image_too_large:
    "The source or an output has too many bytes, pixels or frames; or the outputs would occupy a core for too long",
  image_invalid: "The image is damaged or cannot be read; `on_error` decides whether a damaged image is accepted",
  image_timeout: "The image took too long; tried three times at most",
  image_process_exited:
    "The process that decodes and encodes ended: killed for lack of memory, or by a crash in a decoder; tried three times at most",
  source_refused: "The URL of the source returned a final status",
  source_unreachable: "The URL of the source did not respond, or returned 408, 425 or 5xx; retried",
  source_busy: "The URL of the source returned 429; waits without counting an attempt",
  ...artifactReadErrors,
  ...artifactWriteErrors,
  ...outboundErrors,
};

export const imageError = jobErrors(imageErrors);
