import { expect, it } from "vitest";
import { normalPath } from "./normal-path.ts";

it.each([
  ["/api/v1/jobs", "/api/v1/jobs"],
  ["/%61pi/v1/%6Aobs", "/api/v1/jobs"],
  ["/a%2Db%2e%5F%7Ec", "/a-b._~c"],
  ["/a%2fb", "/a%2Fb"],
  ["/a%2Fb%3a%20", "/a%2Fb%3A%20"],
  ["/%zz%4", "/%zz%4"],
  ["/%2541", "/%2541"], // decoded once
  ["/a/./b", "/a/b"],
  ["/a/../b", "/b"],
  ["/a/%2e%2E/b", "/b"],
  ["/a/b/..", "/a/"],
  ["/a/b/.", "/a/b/"],
  ["/../../a", "/a"],
  ["/..", "/"],
  ["/.a/..b/c..", "/.a/..b/c.."],
  ["/a//b/", "/a//b/"],
])("%s is %s", (path, normal) => {
  expect(normalPath(path)).toBe(normal);
});
