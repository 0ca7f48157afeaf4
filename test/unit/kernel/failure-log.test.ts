// The line of an unexpected failure: what it tells, and what it must never tell.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { credentialFailureLine, failureLine } from "../../../src/kernel/failure-log.ts";

const told = (error: unknown, requestId?: string): unknown =>
  JSON.parse(failureLine({ event: "request_failed", error, requestId }));

describe("a failure's line", () => {
  it("is JSON with the event, the request id and the error's name", () => {
    expect(told(new TypeError("x"), "request_1")).toEqual({
      level: "error",
      event: "request_failed",
      requestId: "request_1",
      error: "TypeError",
    });
    expect(told("a thrown string")).toEqual({ level: "error", event: "request_failed", error: "unknown" });
  });

  it("says what is misconfigured, since that names variables alone", () => {
    expect(told(new Error("Misconfigured Worker: ISSUER."))).toMatchObject({
      message: "Misconfigured Worker: ISSUER.",
    });
  });

  it("never quotes a message, a cause, a stack or a name that is none", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 8 }), (noise) => {
        const secret = `secret ${noise}`;
        const error = new Error(secret, { cause: secret });
        const named = Object.assign(new Error("x"), { name: secret });
        for (const thrown of [error, named, secret, { message: secret }]) {
          const line = failureLine({ event: "background_failed", error: thrown });
          expect(line).not.toContain("secret");
          expect(line).not.toContain("\n");
        }
      }),
    );
  });
});

describe("the line of a credential that could not be obtained", () => {
  it("says whose it is and why", () => {
    expect(
      JSON.parse(credentialFailureLine("https://login.test/a/b https://vault.test/.default", "AADSTS70021")),
    ).toEqual({
      level: "error",
      event: "credential_failed",
      subject: "https://login.test/a/b https://vault.test/.default",
      reason: "AADSTS70021",
    });
  });

  it("tells nothing that is of another form", () => {
    expect(credentialFailureLine("a\nb", "AADSTS70021: the assertion 'eyJ…'")).toContain(
      '"subject":"unknown","reason":"unknown"',
    );
  });
});
