/**
 * What OAuth clients can find out about this gateway: as an authorization server (RFC 8414) and as a protected resource
 * (RFC 9728). A member is here when it is true, and not before.
 */
import * as z from "zod";
import { JWKS_PATH } from "./key-ring.ts";

export const AUTHORIZATION_SERVER_PATH = "/.well-known/oauth-authorization-server";
export const PROTECTED_RESOURCE_PATH = "/.well-known/oauth-protected-resource";

/** No registered method fits: the control plane is opened by an API key in the header `X-Api-Key`. */
const API_KEY_AUTH = "portcullis_api_key";

const AUTHORIZATION_DETAILS_TYPES = ["model_invocation"] as const;

export const AuthorizationServerMetadata = z.strictObject({
  issuer: z.url(),
  jwks_uri: z.url(),
  /** No authorization endpoint, so none. */
  response_types_supported: z.array(z.string()),
  /** Absent would mean those of a browser. */
  grant_types_supported: z.array(z.string()),
  revocation_endpoint: z.url(),
  revocation_endpoint_auth_methods_supported: z.array(z.string()),
  introspection_endpoint: z.url(),
  introspection_endpoint_auth_methods_supported: z.array(z.string()),
  authorization_details_types_supported: z.array(z.string()),
  protected_resources: z.array(z.url()),
  service_documentation: z.url(),
  /** Ours: where an API key has a token issued for an agent. It takes JSON, so it is no token endpoint of RFC 6749. */
  portcullis_issuing_endpoint: z.url(),
});
export type AuthorizationServerMetadata = z.infer<typeof AuthorizationServerMetadata>;

export const ProtectedResourceMetadata = z.strictObject({
  resource: z.url(),
  authorization_servers: z.array(z.url()),
  bearer_methods_supported: z.array(z.string()),
  authorization_details_types_supported: z.array(z.string()),
  resource_name: z.string(),
  resource_documentation: z.url(),
});
export type ProtectedResourceMetadata = z.infer<typeof ProtectedResourceMetadata>;

export interface Gateway {
  readonly issuer: string;
  /** Of tokens. */
  readonly audience: string;
}

export function authorizationServerMetadata({ issuer, audience }: Gateway): AuthorizationServerMetadata {
  const at = (path: string) => new URL(path, issuer).href;
  return {
    issuer,
    jwks_uri: at(JWKS_PATH),
    response_types_supported: [],
    grant_types_supported: [],
    revocation_endpoint: at("/v1/tokens/revoke"),
    revocation_endpoint_auth_methods_supported: [API_KEY_AUTH],
    introspection_endpoint: at("/v1/tokens/introspect"),
    introspection_endpoint_auth_methods_supported: [API_KEY_AUTH],
    authorization_details_types_supported: [...AUTHORIZATION_DETAILS_TYPES],
    protected_resources: [audience],
    service_documentation: at("/v1/docs"),
    portcullis_issuing_endpoint: at("/v1/tokens"),
  };
}

export const protectedResourceMetadata = ({ issuer, audience }: Gateway): ProtectedResourceMetadata => ({
  resource: audience,
  authorization_servers: [issuer],
  // `api-key` is Azure's way to send the same token, and no method of RFC 6750.
  bearer_methods_supported: ["header"],
  authorization_details_types_supported: [...AUTHORIZATION_DETAILS_TYPES],
  resource_name: "Portcullis",
  resource_documentation: new URL("/v1/docs", issuer).href,
});

/** RFC 8414 and RFC 9728, section 3.1 of both: the well-known part comes before the path that an identifier may have. */
function metadataUrl(wellKnownPath: string, identifier: string): string {
  const { origin, pathname } = new URL(identifier);
  return `${origin}${wellKnownPath}${pathname === "/" ? "" : pathname}`;
}

/** What a 401 points to. */
export const resourceMetadataUrl = (audience: string): string =>
  metadataUrl(PROTECTED_RESOURCE_PATH, audience);

/** The document of this path, or undefined. */
export function metadataAt(path: string, gateway: Gateway): object | undefined {
  const { issuer, audience } = gateway;
  if (path === new URL(metadataUrl(AUTHORIZATION_SERVER_PATH, issuer)).pathname)
    return authorizationServerMetadata(gateway);
  return path === new URL(resourceMetadataUrl(audience)).pathname
    ? protectedResourceMetadata(gateway)
    : undefined;
}
