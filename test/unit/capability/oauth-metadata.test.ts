// What OAuth clients find out about the gateway, and what a 401 tells them.
import { describe, expect, it } from "vitest";
import {
  AuthorizationServerMetadata,
  authorizationServerMetadata,
  ProtectedResourceMetadata,
  protectedResourceMetadata,
  resourceMetadataUrl,
} from "../../../src/capability/oauth-metadata.ts";
import { AUDIENCE, ISSUER } from "./token-fixture.ts";

const gateway = { issuer: ISSUER, audience: AUDIENCE };

describe("the metadata", () => {
  it("of the authorization server name its issuer and where things are (RFC 8414)", () => {
    const metadata = AuthorizationServerMetadata.parse(authorizationServerMetadata(gateway));
    expect(metadata).toMatchObject({
      issuer: ISSUER,
      jwks_uri: "https://gateway.test/.well-known/jwks.json",
      revocation_endpoint: "https://gateway.test/v1/tokens/revoke",
      introspection_endpoint: "https://gateway.test/v1/tokens/introspect",
      authorization_details_types_supported: ["model_invocation"],
      protected_resources: [AUDIENCE],
    });
    // It would be taken for one that speaks RFC 6749.
    expect(metadata).not.toHaveProperty("token_endpoint");
  });

  it("of the resource are what tokens are for, and who issues them (RFC 9728)", () => {
    expect(ProtectedResourceMetadata.parse(protectedResourceMetadata(gateway))).toMatchObject({
      resource: AUDIENCE,
      authorization_servers: [ISSUER],
      bearer_methods_supported: ["header"],
    });
  });

  it.each([
    ["https://gateway.test", "https://gateway.test/.well-known/oauth-protected-resource"],
    ["https://gateway.test/", "https://gateway.test/.well-known/oauth-protected-resource"],
    [AUDIENCE, "https://gateway.test/.well-known/oauth-protected-resource/api"],
  ])("of the resource %s are at %s", (audience, url) => {
    expect(resourceMetadataUrl(audience)).toBe(url);
  });
});
