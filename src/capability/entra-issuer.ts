/**
 * The gateway as an OpenID provider that Microsoft Entra can trust: an issuer of its own below ISSUER, with a discovery
 * document and a key set that hold nothing but what signs assertions. Nobody can log in here.
 */
import { ASSERTION_ALGORITHM } from "./entra-keys.ts";

const ROOT = "/entra";
export const DISCOVERY_PATH = `${ROOT}/.well-known/openid-configuration`;
export const ENTRA_JWKS_PATH = `${ROOT}/jwks.json`;

/** Entra compares it character by character with what was registered, so it has one spelling: no slash at its end. */
export const entraIssuerOf = (gatewayIssuer: string): string => new URL(ROOT, gatewayIssuer).href;

export interface Discovery {
  readonly issuer: string;
  readonly jwks_uri: string;
  readonly response_types_supported: readonly ["id_token"];
  readonly subject_types_supported: readonly ["public"];
  readonly id_token_signing_alg_values_supported: readonly [typeof ASSERTION_ALGORITHM];
}

export const discoveryOf = (gatewayIssuer: string): Discovery => ({
  issuer: entraIssuerOf(gatewayIssuer),
  jwks_uri: new URL(ENTRA_JWKS_PATH, gatewayIssuer).href,
  response_types_supported: ["id_token"],
  subject_types_supported: ["public"],
  id_token_signing_alg_values_supported: [ASSERTION_ALGORITHM],
});
