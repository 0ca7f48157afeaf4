// The rim of the data plane: which credential and which classification a caller presents.
import { describe, expect, it } from "vitest";
import { declaredClassification } from "../../../src/gateway/declared-classification.ts";
import { presentedToken } from "../../../src/gateway/presented-token.ts";

describe("the presented token", () => {
  it.each<[headers: Record<string, string>, outcome: string]>([
    [{ "api-key": "aaa" }, "aaa by api-key"],
    [{ authorization: "Bearer aaa" }, "aaa by Bearer"],
    [{ authorization: "bearer   aaa" }, "aaa by Bearer"],
    [{ "api-key": "aaa", authorization: "Bearer aaa" }, "aaa by Bearer"],
    [{ authorization: "DPoP aaa" }, "aaa by DPoP"],
    [{ "api-key": "aaa", authorization: "dpop aaa" }, "aaa by DPoP"],
    [{ "api-key": "aaa", authorization: "DPoP bbb" }, "credentials_conflict"],
    [{ dpop: "aaa" }, "token_missing"],
    [{ authorization: "DPoP" }, "token_missing"],
    [{ "api-key": "aaa", authorization: "Bearer bbb" }, "credentials_conflict"],
    [{ "api-key": "aaa", authorization: "Basic aaa" }, "credentials_conflict"],
    [{ "api-key": "aaa", authorization: "" }, "credentials_conflict"],
    [{ "api-key": "", authorization: "Bearer bbb" }, "credentials_conflict"],
    [{}, "token_missing"],
    [{ "api-key": "" }, "token_missing"],
    [{ authorization: "Bearer" }, "token_missing"],
    [{ authorization: "Bearer aaa bbb" }, "token_missing"],
    [{ authorization: "Basic aaa" }, "token_missing"],
    [{ authorization: "aaa" }, "token_missing"],
    [{ "x-api-key": "aaa", cookie: "api-key=aaa" }, "token_missing"],
  ])("of %j is %s", (headers, outcome) => {
    const token = presentedToken(new Headers(headers));
    const told = token.ok ? `${token.value.token} by ${token.value.scheme}` : token.error.code;
    expect(told).toBe(outcome);
  });

  it("sent twice is never one of the two", () => {
    const headers = new Headers([
      ["api-key", "aaa"],
      ["api-key", "bbb"],
    ]);
    const token = presentedToken(headers);
    expect(["aaa", "bbb"]).not.toContain(token.ok ? token.value.token : "");
  });
});

describe("the declared classification", () => {
  const told = (value: string | null) => {
    const headers = new Headers(value === null ? {} : { "portcullis-classification": value });
    const declared = declaredClassification(headers, "internal");
    return declared.ok ? declared.value : declared.error.field;
  };

  it("is the header's, else the agent's default", () => {
    expect(told(null)).toBe("internal");
    for (const value of ["public", "internal", "confidential", "restricted"]) expect(told(value)).toBe(value);
  });

  it.each(["", "Restricted", "secret", "public, restricted", "0"])(
    "%j is refused, not taken for a default",
    (value) => {
      expect(told(value)).toBe("portcullis-classification");
    },
  );
});
