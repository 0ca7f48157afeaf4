// What a record tells of a path is never what only its caller wrote (guarantee G8).
import fc from "fast-check";
import { expect, it } from "vitest";
import { toldRoute } from "../../../src/gateway/told-route.ts";

it.each([
  ["GET", "/openai/v1/whatever", null, "GET /openai/v1/whatever"],
  ["GET", "/openai/v1/resp_0123456789abcdef0123456789abcdef", null, "GET /openai/v1/?"],
  ["POST", "/openai/v1/files/file-1", "/openai/v1/files/{rest}", "POST /openai/v1/files/{rest}"],
  ["get", "/openai//%2e", null, "? /openai//?"],
  ["GET", `/openai${"/a".repeat(20)}`, null, "GET /openai/a/a/a/a/a/a/a/…"],
])("%s %s is told as %s", (method, path, pattern, told) => {
  expect(toldRoute(method, path, pattern)).toBe(told);
});

it("is short and plain, whatever is asked", () => {
  const path = fc
    .array(fc.oneof(fc.string(), fc.webSegment(), fc.constant("openai")))
    .map((parts) => `/${parts.join("/")}`);
  fc.assert(
    fc.property(fc.string(), path, (method, asked) => {
      expect(toldRoute(method, asked, null)).toMatch(
        /^(?:[A-Z]{1,10}|\?) (?:\/(?:[\w.-]{0,24}|\?)){1,8}(?:\/…)?$/,
      );
    }),
  );
});
