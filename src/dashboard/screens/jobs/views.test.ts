import { beforeEach, expect, it } from "vitest";
import { writeSetting } from "../../data/browser-settings.ts";
import { deleteView, savedViews, saveView } from "./views.ts";

beforeEach(() => writeSetting("views", null));

it("saves, replaces and deletes views", () => {
  saveView({ name: "Failed", q: "status:failed", columns: null });
  saveView({ name: "Mails", q: "type:email", columns: "id,payload.to" });
  saveView({ name: "Failed", q: "status:failed since:1h", columns: null });
  expect(savedViews()).toEqual([
    { name: "Mails", q: "type:email", columns: "id,payload.to" },
    { name: "Failed", q: "status:failed since:1h", columns: null },
  ]);
  deleteView("Mails");
  expect(savedViews().map(({ name }) => name)).toEqual(["Failed"]);
});

it.each(["{", "null", "7", '[{"name":1}]', '[null, {"name":"a","q":"b"}]'])(
  "has no views where the setting is %s",
  (text) => {
    writeSetting("views", text);
    expect(savedViews()).toEqual([]);
  },
);
