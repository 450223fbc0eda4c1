/** How `npm start` runs the program. */
import { readFileSync } from "node:fs";

const { scripts } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { readonly scripts: { readonly start: string } };

/** The options of Node.js in it. */
export const NODE_OPTIONS: readonly string[] = (/exec node (.*)dist\/main\.js$/.exec(scripts.start)?.[1] ?? "").split(" ").filter((option) => option !== "");
