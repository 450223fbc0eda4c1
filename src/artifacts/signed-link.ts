/**
 * Links that download one artifact without an API key until they expire: `…?expires=SECONDS&signature=…`. The signature
 * is HMAC-SHA256 over job, name and time, so that none of them can be changed.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import type { Static, TObject } from "typebox";
import { baseSettings } from "../config/settings.ts";
import { StartError } from "../errors.ts";

const { ARTIFACT_LINK_SECRET, ARTIFACT_LINK_TTL, PUBLIC_URL } = baseSettings.properties;
/** The settings of a job type that makes links; spread them into the type's settings. */
export const linkSettings = { ARTIFACT_LINK_SECRET, ARTIFACT_LINK_TTL, PUBLIC_URL };
export type LinkSettings = Static<TObject<typeof linkSettings>>;

/** The artifact that a link downloads. */
export interface LinkTarget {
  readonly jobId: string;
  readonly name: string;
}

/** @throws {StartError} a secret is too short, or there are too many */
export function openArtifactLinks(settings: LinkSettings): ArtifactLinks {
  const secrets = settings.ARTIFACT_LINK_SECRET.split(" ").filter((secret) => secret !== "");
  if (secrets.length > 5 || secrets.some(({ length }) => length < 32)) {
    throw new StartError(
      "ARTIFACT_LINK_SECRET: expected one to five secrets of at least 32 characters, separated by spaces",
    );
  }
  return new ArtifactLinks(secrets, settings.ARTIFACT_LINK_TTL, settings.PUBLIC_URL.replace(/\/+$/, ""));
}

export class ArtifactLinks {
  readonly #secrets: readonly string[];
  readonly #ttlSeconds: number;
  readonly #base: string;

  constructor(secrets: readonly string[], ttlSeconds: number, base: string) {
    this.#secrets = secrets;
    this.#ttlSeconds = ttlSeconds;
    this.#base = base;
  }

  /**
   * Creates a link that is valid for ARTIFACT_LINK_TTL; undefined if there is no secret.
   * @param nowMs epoch milliseconds
   */
  sign({ jobId, name }: LinkTarget, nowMs: number): { readonly url: string; readonly expiresAt: Date } | undefined {
    const [secret] = this.#secrets;
    if (secret === undefined) return undefined;
    const expires = Math.floor(nowMs / 1_000) + this.#ttlSeconds;
    const signature = signatureOf(secret, { jobId, name }, String(expires)).toString("base64url");
    return {
      url: `${this.#base}/api/v1/jobs/${jobId}/artifacts/${name}?expires=${expires}&signature=${signature}`,
      expiresAt: new Date(expires * 1_000),
    };
  }

  /**
   * Whether a request's query may download this artifact; `absent` if it has no signature.
   * @param nowMs epoch milliseconds
   */
  judge(target: LinkTarget, query: string, nowMs: number): "valid" | "invalid" | "expired" | "absent" {
    if (!query.includes("signature=")) return "absent";
    const parameters = new URLSearchParams(query);
    const [expires, signature] = [
      parameters.get("expires") ?? "",
      Buffer.from(parameters.get("signature") ?? "", "base64url"),
    ];
    let isSigned = false;
    for (const secret of this.#secrets) {
      const expected = signatureOf(secret, target, expires);
      if (signature.length === expected.length && timingSafeEqual(signature, expected)) isSigned = true;
    }
    if (!isSigned || !/^\d{1,12}$/.test(expires)) return "invalid";
    return Number(expires) * 1_000 <= nowMs ? "expired" : "valid";
  }
}

function signatureOf(secret: string, { jobId, name }: LinkTarget, expires: string): Buffer {
  return createHmac("sha256", secret).update(`${jobId}/${name}\n${expires}`).digest();
}
