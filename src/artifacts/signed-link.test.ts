import { describe, expect, it } from "vitest";
import { openArtifactLinks } from "./signed-link.ts";

const OLD = "o".repeat(32);
const NEW = "n".repeat(32);
const target = { jobId: "01890a5d-ac96-774b-bcce-b302099a8057", name: "rows.csv" };
const NOW = 1_700_000_000_500;
const linksOf = (ARTIFACT_LINK_SECRET: string, PUBLIC_URL = "") =>
  openArtifactLinks({ ARTIFACT_LINK_SECRET, ARTIFACT_LINK_TTL: 60, PUBLIC_URL });
const queryOf = (url = "") => url.slice(url.indexOf("?") + 1);

describe("a signed link", () => {
  it("opens its artifact until it expires", () => {
    const links = linksOf(NEW, "https://jobs.example.com/");
    const link = links.sign(target, NOW);
    expect(link?.url).toMatch(
      /^https:\/\/jobs\.example\.com\/api\/v1\/jobs\/01890a5d-[^/]+\/artifacts\/rows\.csv\?expires=1700000060&signature=[\w-]{43}$/,
    );
    expect(link?.expiresAt.getTime()).toBe(1_700_000_060_000);
    expect(links.judge(target, queryOf(link?.url), NOW)).toBe("valid");
    expect(links.judge(target, queryOf(link?.url), 1_700_000_059_999)).toBe("valid");
    expect(links.judge(target, queryOf(link?.url), 1_700_000_060_000)).toBe("expired");
  });

  it("opens no other artifact, and its expiry cannot be changed", () => {
    const links = linksOf(NEW);
    const query = queryOf(links.sign(target, NOW)?.url);
    expect(links.judge({ ...target, name: "other.csv" }, query, NOW)).toBe("invalid");
    expect(links.judge({ ...target, jobId: target.jobId.replace("8057", "8058") }, query, NOW)).toBe("invalid");
    expect(links.judge(target, query.replace("1700000060", "1800000060"), NOW)).toBe("invalid");
    expect(links.judge(target, query.slice(0, -2), NOW)).toBe("invalid");
    expect(links.judge(target, "signature=", NOW)).toBe("invalid");
    expect(links.judge(target, "", NOW)).toBe("absent");
  });

  it("stays valid after a change of the secret, as long as the old secret is configured", () => {
    const query = queryOf(linksOf(OLD).sign(target, NOW)?.url);
    expect(linksOf(`${NEW} ${OLD}`).judge(target, query, NOW)).toBe("valid");
    expect(linksOf(NEW).judge(target, query, NOW)).toBe("invalid");
  });

  it("is neither created nor accepted without a secret", () => {
    expect(linksOf("").sign(target, NOW)).toBeUndefined();
    expect(linksOf("").judge(target, queryOf(linksOf(NEW).sign(target, NOW)?.url), NOW)).toBe("invalid");
  });

  it("needs a secret that cannot be guessed", () => {
    expect(() => linksOf("short")).toThrow("ARTIFACT_LINK_SECRET");
  });
});
