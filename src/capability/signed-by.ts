/**
 * Which keys a token stands on: the one that signed it, and those that signed what it comes from, the earlier tokens of its
 * chain and its ancestors. A stolen key could else be outlived: what it signed would be refreshed or exchanged into tokens
 * under another key before it is killed (G3). Pure.
 */
import { type Capability, type CapabilityClaims, MAX_PRIOR_KEYS, type PriorKey } from "./claims.ts";
import type { SignedBy } from "./key-states.ts";

/** The token's own key first. Each key stands there once, with the latest date: a retired key is judged by that. */
export const signedByOf = (
  { iat, prior_keys = [] }: Pick<CapabilityClaims, "iat" | "prior_keys">,
  keyId: string,
): readonly SignedBy[] => [
  { keyId, issuedAtSeconds: iat },
  ...prior_keys
    .filter(({ kid }) => kid !== keyId)
    .map(({ kid, iat: issuedAtSeconds }) => ({ keyId: kid, issuedAtSeconds })),
];

/** What a token that comes of this one says of its keys. */
export const priorKeysOf = ({ signedBy }: Pick<Capability, "signedBy">): PriorKey[] =>
  signedBy.map(({ keyId, issuedAtSeconds }) => ({ kid: keyId, iat: issuedAtSeconds }));

/** Stated exactly where the token comes from another one, or nothing of that one's keys would be known. */
export const arePriorKeysCoherent = ({
  iat,
  root_jti,
  ancestors,
  prior_keys,
}: Pick<CapabilityClaims, "iat" | "root_jti" | "ancestors" | "prior_keys">): boolean =>
  (prior_keys !== undefined) === (root_jti !== undefined || ancestors !== undefined) &&
  new Set(prior_keys?.map(({ kid }) => kid)).size === (prior_keys?.length ?? 0) &&
  (prior_keys ?? []).every((prior) => prior.iat <= iat);

/** Whether a token that comes of this one could name all of its keys. */
export const canBeFollowed = ({ signedBy }: Pick<Capability, "signedBy">): boolean =>
  signedBy.length <= MAX_PRIOR_KEYS;
