// What OAuth clients find out about the gateway, and what a 401 tells them.
import { describe, expect, it } from "vitest";
import {
  AuthorizationServerMetadata,
  authorizationServerMetadata,
  metadataAt,
  ProtectedResourceMetadata,
  protectedResourceMetadata,
  resourceMetadataUrl,
} from "../../../src/capability/oauth-metadata.ts";
import { azureError } from "../../../src/gateway/azure-error.ts";
import { refuse } from "../../../src/kernel/refusal.ts";
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
    const { resource } = ProtectedResourceMetadata.parse(
      metadataAt(new URL(url).pathname, { ...gateway, audience }),
    );
    expect(resource).toBe(audience);
  });

  it("of nothing else are anywhere", () => {
    for (const path of ["", "/other", "/api/", "/api/more"])
      expect(metadataAt(`/.well-known/oauth-protected-resource${path}`, gateway)).toBeUndefined();
    expect(metadataAt("/.well-known/oauth-authorization-server/api", gateway)).toBeUndefined();
  });
});

describe("a 401", () => {
  const url = resourceMetadataUrl(AUDIENCE);
  it.each([
    ["token_missing", `Bearer resource_metadata="${url}"`],
    ["credentials_conflict", `Bearer error="invalid_request", resource_metadata="${url}"`],
    ["token_expired", `Bearer error="invalid_token", resource_metadata="${url}"`],
    ["token_key_withdrawn", `Bearer error="invalid_token", resource_metadata="${url}"`],
  ] as const)("of %s says %s", (code, challenge) => {
    const received = { requestId: "request", resourceMetadata: url };
    expect(azureError(refuse(code), received).headers.get("www-authenticate")).toBe(challenge);
  });

  it("alone carries a challenge", () => {
    const received = { requestId: "request", resourceMetadata: url };
    expect(azureError(refuse("agent_disabled"), received).headers.has("www-authenticate")).toBe(false);
  });
});
