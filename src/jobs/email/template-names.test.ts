import { rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { tempDir } from "../../testing/services.ts";
import { registryOf } from "../registry.ts";
import email from "./email.ts";
import { templateCheck } from "./template-names.ts";

const unknown = (name: string) => [
  { path: "/template", message: `there is no template ${name} in EMAIL_TEMPLATES_DIR` },
];

it("rejects a missing template, and accepts it once it has been added", () => {
  const EMAIL_TEMPLATES_DIR = tempDir();
  const check = templateCheck();
  for (const file of ["order.txt", "page.html", "bare.subject"]) writeFileSync(join(EMAIL_TEMPLATES_DIR, file), "");
  const issuesOf = (template?: string) => check({ ...(template && { template }) }, { EMAIL_TEMPLATES_DIR });
  expect([undefined, "order", "page"].flatMap(issuesOf)).toEqual([]);
  for (const name of ["bare", "later"]) expect(issuesOf(name)).toEqual(unknown(name));
  writeFileSync(join(EMAIL_TEMPLATES_DIR, "later.html"), "");
  expect(issuesOf("later")).toEqual([]);
});

it("reads the folder only for unknown names", () => {
  const EMAIL_TEMPLATES_DIR = tempDir();
  const check = templateCheck();
  writeFileSync(join(EMAIL_TEMPLATES_DIR, "order.txt"), "");
  expect(check({ template: "order" }, { EMAIL_TEMPLATES_DIR })).toEqual([]);
  rmSync(join(EMAIL_TEMPLATES_DIR, "order.txt"));
  expect(check({ template: "order" }, { EMAIL_TEMPLATES_DIR })).toEqual([]);
  expect(check({ template: "other" }, { EMAIL_TEMPLATES_DIR })).toEqual(unknown("other"));
  expect(check({ template: "order" }, { EMAIL_TEMPLATES_DIR })).toEqual(unknown("order"));
});

it("does not read the folder again for missing names until the folder changes", () => {
  const EMAIL_TEMPLATES_DIR = tempDir();
  const check = templateCheck();
  const issuesOf = (template: string) => check({ template }, { EMAIL_TEMPLATES_DIR });
  const add = (name: string, changedAt: number) => {
    writeFileSync(join(EMAIL_TEMPLATES_DIR, name), "");
    utimesSync(EMAIL_TEMPLATES_DIR, changedAt, changedAt);
  };
  add("order.txt", 1);
  expect(issuesOf("later")).toEqual(unknown("later"));
  add("later.txt", 1); // as if the folder had not changed
  expect(issuesOf("later")).toEqual(unknown("later"));
  add("last.txt", 2);
  expect([...issuesOf("later"), ...issuesOf("last")]).toEqual([]);
});

it("accepts every name if the folder cannot be read, and none if no folder is set", () => {
  const check = templateCheck();
  expect(check({ template: "a" }, { EMAIL_TEMPLATES_DIR: join(tempDir(), "none") })).toEqual([]);
  expect(check({ template: "a" }, {})).toEqual([
    { path: "/template", message: "there are no templates, because EMAIL_TEMPLATES_DIR is not set" },
  ]);
});

it("runs with the other checks of a submission", () => {
  const registry = registryOf([{ source: "test", definition: email }], { EMAIL_TEMPLATES_DIR: tempDir() });
  expect(
    registry
      .get("email")
      ?.issuesOf({ to: "nobody", template: "none" })
      .map(({ path }) => path),
  ).toEqual(["/to", "/template"]);
});
