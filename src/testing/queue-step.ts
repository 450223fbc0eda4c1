/** What all random steps of the queue's clients share. A step is applied to the model and to Redis, and compared. */
import fc from "fast-check";
import type { Sides } from "./queue-sides.ts";
import { expectSame } from "./queue-sides.ts";

export const CALLBACK = { type: "hook", lane: "cpu" } as const;
export const TYPES = [{ type: "mail", lane: "io" }, { type: "noop", lane: "io" }, CALLBACK] as const;
/** The year 2100, epoch ms: no job becomes due during a test. */
export const FAR_AHEAD = 4_102_444_800_000;
export const OWNED_MS = 3_600_000;

type Step = fc.AsyncCommand<{ sides: Sides }, Sides>;

export function step<Args>(
  name: string,
  args: fc.Arbitrary<Args>,
  run: (sides: Sides, args: Args) => Promise<void>,
): fc.Arbitrary<Step> {
  return args.map((given) => ({
    check: () => true,
    run: async (_, sides) => {
      await run(sides, given);
      await expectSame(sides);
    },
    toString: () => `${name}(${JSON.stringify(given)})`,
  }));
}

export const client = fc.nat(2);
export const type = fc.constantFrom(...TYPES.map((one) => one.type));
