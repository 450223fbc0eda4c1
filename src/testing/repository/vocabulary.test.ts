/** One word for one thing, and the field's word where there is one: old words of this project must not come back. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

interface Retired {
  /** What must not be found. */
  readonly word: RegExp;
  /** The word to use. */
  readonly use: string;
  /** Lines where the word means something else, or is a public name that stays. */
  readonly unless?: RegExp;
  /** Files where it does. */
  readonly files?: RegExp;
}

const RETIRED: readonly Retired[] = [
  {
    word: /\bfaults?\b/i,
    use: "issue, inconsistency, failure",
    unless: /inject|segmentation|page fault|faults?:|"fault"/i,
    files: /^scripts\/chaos|fault|model|chaos|reliability|CHANGELOG|^src\/cli\/verify-command/,
  },
  {
    word: /\bbooks?\b|Books\b/,
    use: "job counts",
    unless: /[Ww]orkbook|text: "a book"/,
    files: /^src\/(?:verify|cli\/verify-command)/, // a public name of `verify --json`
  },
  {
    word: /\b(?:is|are|was|were|be|been) told\b|\btold (?:of|by|to|as|apart)\b/,
    use: "notified, logged, reported, distinguished",
  },
  { word: /\b(?:hears|heard)\b/, use: "subscribed, notified" },
  { word: /\bsights?\b/, use: "snapshot", unless: /at first sight/ },
  { word: /\bstandings?\b/i, use: "position, quota state", unless: /outstanding|long-standing/ },
  { word: /\bsuspects?\b/i, use: "poison candidate, crashed job" },
  { word: /\bcontestants?\b/i, use: "competitor" },
  { word: /\bintake\b/i, use: "submission pipeline" },
  { word: /\bacceptors?\b/i, use: "acceptance log writer", unless: /taskflow-acceptor|name: "acceptor"/ },
  { word: /\btall(?:y|ies)\b/i, use: "metric family, counts" },
  { word: /\bparcels?\b/i, use: "frame" },
  { word: /\ballowances?\b/i, use: "token bucket" },
  { word: /\bkeyring\b/i, use: "API key cache" },
  { word: /\bnudges?\b/i, use: "wake" },
  { word: /\bfor ever\b/i, use: "until it succeeds, without a limit" },
  { word: /\bby now\b/i, use: "currently" },
  { word: /\b(?:whoever|whatever becomes of|what became of)\b/i, use: "the thing that acts" },
  {
    word: /\bepochs?\b/i,
    use: "generation (of Redis's data)",
    unless:
      /epoch ?m(?:s|illi)|epoch(?:Ms|Micros|Seconds)|EPOCH_MS|extract\(epoch|Unix epoch|since the epoch|-epoch|epoch (?:time|seconds|microseconds)|accepted_epochs|\}:?epoch|`epoch`|@param \w+ epoch$/i,
  },
];

/** Files whose old names are public, or that quote: append-only migrations, the generated client, fixtures. */
const EXEMPT =
  /^(?:src\/results\/migrations\/|package-lock\.json|bench\/competitors\/baseline\.mjs|src\/testing\/repository\/vocabulary\.test\.ts)|\.(?:json|png|svg|ico)$/;

it.each(RETIRED)("$word is not used ($use)", ({ word, unless, files }) => {
  const tracked = execFileSync("git", ["ls-files"], { cwd: ROOT, encoding: "utf8" }).split("\n");
  const found = tracked
    .filter((file) => file !== "" && !EXEMPT.test(file) && files?.test(file) !== true)
    .flatMap((file) =>
      readFileSync(ROOT + file, "utf8")
        .split("\n")
        .flatMap((line, index) =>
          word.test(line) && unless?.test(line) !== true ? [`${file}:${index + 1}: ${line.trim().slice(0, 120)}`] : [],
        ),
    );
  expect(found).toEqual([]);
});
