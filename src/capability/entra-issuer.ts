/**
 * The gateway as an OpenID provider that Microsoft Entra can trust: an issuer of its own below ISSUER, with a discovery
 * document and a key set that hold nothing but what signs assertions. Nobody can log in here.
 */
import type { Clock } from "../kernel/clock.ts";
import { ASSERTION_ALGORITHM, type EntraJwk, importEntraKeys } from "./entra-keys.ts";
import { type AssertionSigner, createAssertionSigner } from "./sign-assertion.ts";

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

export interface EntraIssuer extends AssertionSigner {
  readonly discovery: Discovery;
  /** Of its assertions; a federated credential names it. */
  readonly subject: string;
  /** The one that signs first. */
  readonly published: readonly EntraJwk[];
}

interface EntraIssuerOptions {
  /** Null = this gateway is no issuer. */
  readonly keys: string | null;
  readonly gatewayIssuer: string;
  readonly subject: string;
  readonly clock: Clock;
  readonly newId: () => string;
}

/** Throws an Error that never quotes the secret. */
export async function importEntraIssuer(options: EntraIssuerOptions): Promise<EntraIssuer | null> {
  if (options.keys === null) return null;
  const { gatewayIssuer, subject, clock, newId } = options;
  const keys = await importEntraKeys(options.keys);
  const discovery = discoveryOf(gatewayIssuer);
  const { sign } = createAssertionSigner({ keys, issuer: discovery.issuer, subject, clock, newId });
  return { discovery, subject, published: keys.published, sign };
}
