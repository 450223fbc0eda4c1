/** `PATCH /api/v1/jobs/{id}`, `POST …/run` and `POST …/cancel`. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodeSubmission } from "../../core/packed-job.ts";
