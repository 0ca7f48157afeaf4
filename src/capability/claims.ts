/**
 * The claims of a capability token (RFC 9068 access token with RFC 9396 authorization details), and the capability
 * they become once verified. Claim names stay in this room: everyone else reads `Capability`.
 */
import * as z from "zod";
import { AgentId, ApiKeyId, TenantId, TokenId } from "../kernel/ids.ts";
import { MAX_DELEGATION_DEPTH } from "../kernel/token-limits.ts";
import { ActionPattern } from "../policy/action.ts";
import { Classification } from "../policy/classification.ts";
import { Constraints } from "../policy/constraints.ts";
import { ResourcePattern } from "../policy/resource.ts";
import { Home } from "../residency/home.ts";
import { Thumbprint } from "./holder-key.ts";
import { KeyId, type SignedBy } from "./key-states.ts";

export const AuthorizationDetail = z.strictObject({
  type: z.literal("model_invocation"),
  actions: z.array(ActionPattern).min(1).max(20),
  locations: z.array(ResourcePattern).min(1).max(50),
  constraints: Constraints.default({}),
});
export type AuthorizationDetail = z.infer<typeof AuthorizationDetail>;

/** A detail of one of a token's ancestors, and whose counters its limits are: those of that ancestor's root. */
export const AncestorDetail = z.strictObject({ rootTokenId: TokenId, detail: AuthorizationDetail });
export type AncestorDetail = z.infer<typeof AncestorDetail>;

/** A detail as its holder has it: inside one detail of each ancestor that names any, the root's first. */
export const HeldDetail = AuthorizationDetail.extend({
  within: z.array(AncestorDetail).min(1).max(MAX_DELEGATION_DEPTH).readonly().optional(),
});
export type HeldDetail = z.infer<typeof HeldDetail>;

/** Seconds since the epoch; bounded so that arithmetic on it stays exact. */
const NumericDate = z.int().min(0).max(253_402_300_799);

/** RFC 8693, section 4.1: who acts, and for whom in turn. It informs; what a child may do stands in its own claims. */
export interface ActClaim {
  readonly sub: AgentId;
  readonly act?: ActClaim | undefined;
}
export const ActClaim: z.ZodType<ActClaim> = z.lazy(() =>
  z.strictObject({ sub: AgentId, act: ActClaim.optional() }),
);

const AncestorClaim = z.strictObject({
  jti: TokenId,
  /** Where it is not its own `jti`. */
  root_jti: TokenId.optional(),
  /** Of the first of its chain. */
  iat: NumericDate,
  /** The one that each of the token's own details stands inside, in their order. */
  authorization_details: z.array(AuthorizationDetail).min(1).max(20).optional(),
});
export type AncestorClaim = z.infer<typeof AncestorClaim>;

/** In the day that a chain may last, rotation makes two or three. */
export const MAX_PRIOR_KEYS = 8;
/** A key that signed what a token comes from, and the date of the last of it. */
const PriorKey = z.strictObject({ kid: KeyId, iat: NumericDate });
export type PriorKey = z.infer<typeof PriorKey>;

export const DelegationDepth = z.int().min(0).max(MAX_DELEGATION_DEPTH);
/** A salted HMAC-SHA-256 in hex: what is stored and signed in place of a person's name. */
const EndUserHash = z.string().regex(/^[0-9a-f]{64}$/);

export const CapabilityClaims = z.strictObject({
  iss: z.string().min(1).max(512),
  aud: z.string().min(1).max(512),
  sub: z.string().min(1).max(256),
  client_id: AgentId,
  tid: TenantId,
  home: Home,
  roles: z.array(z.string().min(1).max(100)).max(50),
  classification: Classification,
  agent_version: z.int().min(1),
  iat: NumericDate,
  exp: NumericDate,
  jti: TokenId,
  authorization_details: z.array(AuthorizationDetail).min(1).max(20).optional(),
  /** RFC 7800 and RFC 9449: the holder's key, by its RFC 7638 thumbprint. With it, no call without a proof. */
  cnf: z.strictObject({ jkt: Thumbprint }).optional(),
  /** Private claim: the first token of a chain of refreshed ones; absent in the first. */
  root_jti: TokenId.optional(),
  /** Private claim: the date of that one; what was issued before a moment is whatever comes of it. */
  root_iat: NumericDate.optional(),
  /** Private claim: until when the chain may be refreshed; no token of it outlasts that. Absent = it may not. */
  refresh_until: NumericDate.optional(),
  /** Private claim: the salted hash of the end user, as bodies' end users are hashed; no name stands in a token. */
  end_user: EndUserHash.optional(),
  /** Private claim: the API key that had the token issued. Tokens of before it was stated lack it. */
  minted_by: ApiKeyId.optional(),
  /** Absent = it was issued with an API key; then so are `act`, `par_hash` and `ancestors`. */
  del_depth: DelegationDepth.optional(),
  /** How deep the family may become; absent = the token cannot be exchanged. */
  del_max_depth: DelegationDepth.optional(),
  act: ActClaim.optional(),
  /** SHA-256 of the parent's signing input. */
  par_hash: z
    .string()
    .regex(/^[A-Za-z0-9_-]{43}$/)
    .optional(),
  /** The root first, the parent last: what a child needs of them, so that no look-up is needed. */
  ancestors: z.array(AncestorClaim).min(1).max(MAX_DELEGATION_DEPTH).optional(),
  /** Private claim, of a refreshed or exchanged token: all keys that signed what it comes from. */
  prior_keys: z.array(PriorKey).min(1).max(MAX_PRIOR_KEYS).optional(),
});
export type CapabilityClaims = z.infer<typeof CapabilityClaims>;

export interface AncestorToken {
  readonly tokenId: TokenId;
  readonly rootTokenId: TokenId;
  readonly rootIssuedAtSeconds: number;
}

/** Where a token stands in its family. */
export interface Delegation {
  readonly maxDepth: number;
  /** Who acts, the present one first; empty = the agent itself, with a token that was issued to it. */
  readonly actors: readonly AgentId[];
  /** The root first, the parent last; as many as the token is deep. */
  readonly ancestors: readonly AncestorToken[];
}

export const NOT_DELEGATED: Delegation = { maxDepth: 0, actors: [], ancestors: [] };

/** The verified content of a token. */
export interface Capability {
  readonly tokenId: TokenId;
  /** Its own key first, then those that signed what it comes from: with any of them it ends. */
  readonly signedBy: readonly SignedBy[];
  readonly tenantId: TenantId;
  readonly home: Home;
  readonly agentId: AgentId;
  readonly agentVersion: number;
  /** The accountable principal; equal to the agent for now. */
  readonly principal: string;
  readonly roles: readonly string[];
  readonly classification: Classification;
  readonly issuedAtSeconds: number;
  readonly expiresAtSeconds: number;
  /** Alternatives, each with actions, resources and constraints; null = all that the policies grant. */
  readonly authorization: readonly HeldDetail[] | null;
  /** The API key that had the token issued, which never approves what the token asks for; null = not stated. */
  readonly mintedBy: ApiKeyId | null;
  readonly delegation: Delegation;
  /** Whose proof each call needs (RFC 9449), by the key's thumbprint; null = a bearer token. */
  readonly holderKey: Thumbprint | null;
  /** The first token of its chain, whose counters it goes on with; its own id where it was never refreshed. */
  readonly rootTokenId: TokenId;
  /** When that one was issued: revoking all that was issued before a moment stops what it was refreshed into since. */
  readonly rootIssuedAtSeconds: number;
  /** Null = it may not be refreshed. */
  readonly refreshUntilSeconds: number | null;
  /** Salted hash; it wins over what a body names. Null = the body names the end user, or nobody does. */
  readonly endUser: string | null;
}
