import { describe, expect, it } from "vitest";
import type { NamedNode } from "./flow-nodes.ts";
import { countsText, kindText, labelOf, namesText, titleOf, whenText } from "./flow-nodes.ts";

const NONE = { waiting: 0, unfinished: 0, completed: 0, failed: 0, cancelled: 0 };
const MAIL: NamedNode = {
  ...{ name: "mail", type: "email", when: "succeeded", after: ["export", "thumbs"], status: "waiting" },
  ...{ job_id: "id", counts: null, cause: null },
};
const counts = { ...NONE, completed: 1_200, failed: 1 };
const THUMBS: NamedNode = { ...MAIL, name: "thumbs", type: null, after: [], status: "failed", job_id: null, counts };

describe("the words for nodes", () => {
  it("say when a node runs", () => {
    expect(whenText(MAIL)).toBe("after export and thumbs");
    expect(whenText({ after: ["mail"], when: "failed" })).toBe("if mail failed");
    expect(whenText({ after: ["mail"], when: "ended" })).toBe("when mail ended, however");
    expect(whenText({ after: ["jobs"], when: "first_failure" })).toBe("at the first failure in jobs");
    expect(whenText(THUMBS)).toBe("");
  });

  it("name few nodes, and count the others", () => {
    expect(namesText(["a", "b", "c", "d", "e"])).toBe("a, b, c, d and e");
    expect(namesText(["a", "b", "c", "d", "e", "f"])).toBe("a, b, c, d and 2 others");
  });

  it("say what a node is", () => {
    expect(kindText(MAIL)).toBe("email");
    expect(kindText(THUMBS)).toBe("batch of 1,201 jobs");
    expect(kindText({ ...MAIL, results_of: "thumbs" })).toBe("results of thumbs");
  });

  it("say everything about a node", () => {
    expect(labelOf(MAIL)).toBe("mail, email, waiting, after export and thumbs");
    expect(labelOf(THUMBS)).toBe("thumbs, batch of 1,201 jobs, failed, 1,200 completed, 1 failed");
  });

  it("count jobs by status", () => {
    expect(countsText(counts)).toBe("1,200 completed, 1 failed");
    expect(countsText(NONE)).toBe("");
  });

  it("name a flow without a name by the end of its id", () => {
    expect(titleOf({ name: null, id: "0190a5d1-0000-7000-8000-00001234abcd" })).toBe("1234abcd");
    expect(titleOf({ name: "nightly", id: "x" })).toBe("nightly");
  });
});
