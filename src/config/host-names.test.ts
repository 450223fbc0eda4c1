import { expect, it } from "vitest";
import { parseHostNames } from "./host-names.ts";

it.each([
  ["jobs.example.com", ["jobs.example.com"]],
  [" Jobs.Example.COM. , *.svc.cluster.local,", ["jobs.example.com", "*.svc.cluster.local"]],
  ["müller.example", ["xn--mller-kva.example"]],
  ["my_service,10.0.0.7", ["my_service", "10.0.0.7"]],
  ["[FD00::0007],fd00::8", ["fd00::7", "fd00::8"]],
  ["*", ["*"]],
  ["", []],
  ["https://jobs.example.com", undefined],
  ["jobs.example.com:8080", undefined],
  ["[::1]:8080", undefined],
  ["jobs.example.com/path", undefined],
  ["user@jobs.example.com", undefined],
  ["jobs example.com", undefined],
  ["%6cocalhost", undefined],
  ["*.", undefined],
  ["jobs.*", undefined],
  ["*.*.example.com", undefined],
  ["**", undefined],
])("%j names %j", (text, names) => {
  expect(parseHostNames(text)).toEqual(names);
});
