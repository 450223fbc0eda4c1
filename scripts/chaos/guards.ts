/** Guards that can be removed from a copy of the program, each with the fault that shows why it exists. */
import type { Program } from "./program.ts";

export interface Guard {
  /** A text of dist/ and its replacement. */
  readonly patches: readonly { readonly file: string; readonly from: string; readonly to: string }[];
  readonly scenario: string;
}

export const GUARDS: Readonly<Record<string, Guard>> = {
  "lease-token": {
    scenario: "partition",
    patches: [
      {
        file: "queue/lua/settle.lua",
        from: `if not before or sub(before, TOKEN, TOKEN_END) ~= sub(state, TOKEN, TOKEN_END) then return SETTLE_STALE end`,
        to: `if not before then return SETTLE_STALE end`,
      },
    ],
  },
  "recorder-duplicates": {
    scenario: "lost-reply",
    patches: [{ file: "postgres/failure.js", from: `"23505": "duplicate",`, to: "" }],
  },
  "outbox-sweep": {
    scenario: "kill-before-record",
    patches: [{ file: "queue/lua/sweep.lua", from: `'outbox', '-inf', now,`, to: `'outbox', '-inf', 0,` }],
  },
  "crash-budget": {
    scenario: "poison",
    patches: [{ file: "core/settle.js", from: "job.crashes > CRASH_BUDGET", to: "job.crashes > 1_000" }],
  },
};

/** How long the jobs may take to settle without a guard: longer than any takeover in the fast pace. */
export const BROKEN_SETTLE_MS = 25_000;

/** @throws {Error} if the changed program does not contain the text of the guard */
export function takeOut(program: Program, { patches }: Guard): void {
  for (const { file, from, to } of patches) program.patch(file, from, to);
}

/** Outbox entries of a dead replica are taken over after 3 s instead of 30, to keep the time of fast runs. */
export function shortenOwnership(program: Program): void {
  program.patch("queue/settlement.js", "OUTBOX_OWNED_MS = 30_000", "OUTBOX_OWNED_MS = 3_000");
}
