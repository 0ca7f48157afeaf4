/** What is no exchange request is none: whatever one of its members is changed to, it asks for the same or is refused. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { ACCESS_TOKEN, ExchangeRequest } from "../../../src/gateway/exchange-request.ts";

const request = {
  grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
  subject_token: "eyJhbGciOiJFZERTQSJ9.e30.c2lnbmF0dXJl",
  subject_token_type: ACCESS_TOKEN,
};
const isRequest = (value: object) => ExchangeRequest.safeParse(value).success;

it("takes the request as it is", () => {
  expect(isRequest(request)).toBe(true);
});

it("takes no other grant or token type, and no member that it does not know", () => {
  const changed = fc.oneof(fc.string(), fc.integer(), fc.constant(null), fc.constant([]), fc.constant({}));
  const jwt = "urn:ietf:params:oauth:token-type:jwt";
  fc.assert(
    fc.property(changed, fc.string({ minLength: 1 }), (value, name) => {
      if (value !== request.grant_type) expect(isRequest({ ...request, grant_type: value })).toBe(false);
      if (value !== ACCESS_TOKEN && value !== jwt)
        expect(isRequest({ ...request, subject_token_type: value })).toBe(false);
      if (!(name in ExchangeRequest.shape)) expect(isRequest({ ...request, [name]: value })).toBe(false);
    }),
    { numRuns: 2_000 },
  );
});
