/**
 * Identifiers: a prefix that says what it names, then a UUIDv7 (RFC 9562) in hex, so ids sort by the time they
 * were made. Ids are branded: a tenant's id cannot be passed where an agent's is wanted.
 */
import * as z from "zod";
import type { Clock, RandomBytes } from "./clock.ts";
import { toHex } from "./encoding.ts";

const idOf = <P extends string>(prefix: P) =>
  z.string().regex(new RegExp(`^${prefix}_[0-9a-f]{32}$`), `must be an id that starts with ${prefix}_`);

export const AgentId = idOf("agent").brand<"AgentId">();
export type AgentId = z.infer<typeof AgentId>;
export const PolicyId = idOf("policy").brand<"PolicyId">();
export type PolicyId = z.infer<typeof PolicyId>;
export const ApiKeyId = idOf("key").brand<"ApiKeyId">();
export type ApiKeyId = z.infer<typeof ApiKeyId>;
export const DecisionId = idOf("decision").brand<"DecisionId">();
export type DecisionId = z.infer<typeof DecisionId>;
export const ReservationId = idOf("reservation").brand<"ReservationId">();
export type ReservationId = z.infer<typeof ReservationId>;
export const TokenId = idOf("token").brand<"TokenId">();
export type TokenId = z.infer<typeof TokenId>;
export const RequestId = idOf("request").brand<"RequestId">();
export type RequestId = z.infer<typeof RequestId>;
export const BackendId = idOf("backend").brand<"BackendId">();
export type BackendId = z.infer<typeof BackendId>;

/** Tenants are named by people, once, at creation: lower case, digits and hyphens. */
export const TenantId = z
  .string()
  .regex(
    /^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/,
    "must be 1 to 64 lower-case letters, digits and inner hyphens",
  )
  .refine((text) => text !== "platform", "is reserved")
  .brand<"TenantId">();
export type TenantId = z.infer<typeof TenantId>;

/** What a revision, a snapshot and a write belong to: one tenant, or the platform (all tenants). */
export const PLATFORM = "platform";
export const Scope = z.union([z.literal(PLATFORM), TenantId]);
export type Scope = z.infer<typeof Scope>;

export const DEFAULT_TENANT: TenantId = TenantId.parse("default-tenant");

/** 32 hex digits: 48 bits of milliseconds, version 7, variant 10, the rest random. */
function uuidv7Hex(clock: Clock, random: RandomBytes): string {
  const bytes = random(16);
  const time = clock().toString(16).padStart(12, "0");
  const versioned = (0x70 | ((bytes[6] ?? 0) & 0x0f)).toString(16);
  const varianted = (0x80 | ((bytes[8] ?? 0) & 0x3f)).toString(16);
  const tail = toHex(bytes);
  return `${time}${versioned}${tail.slice(14, 16)}${varianted}${tail.slice(18, 32)}`;
}

/** Mints ids from an injected clock and random source. */
export interface IdMint {
  agent(): AgentId;
  policy(): PolicyId;
  apiKey(): ApiKeyId;
  decision(): DecisionId;
  reservation(): ReservationId;
  token(): TokenId;
  request(): RequestId;
  backend(): BackendId;
}

export function createIdMint(clock: Clock, random: RandomBytes): IdMint {
  const hex = () => uuidv7Hex(clock, random);
  return {
    agent: () => AgentId.parse(`agent_${hex()}`),
    policy: () => PolicyId.parse(`policy_${hex()}`),
    apiKey: () => ApiKeyId.parse(`key_${hex()}`),
    decision: () => DecisionId.parse(`decision_${hex()}`),
    reservation: () => ReservationId.parse(`reservation_${hex()}`),
    token: () => TokenId.parse(`token_${hex()}`),
    request: () => RequestId.parse(`request_${hex()}`),
    backend: () => BackendId.parse(`backend_${hex()}`),
  };
}
