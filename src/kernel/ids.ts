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
export const ApprovalId = idOf("approval").brand<"ApprovalId">();
export type ApprovalId = z.infer<typeof ApprovalId>;

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

/**
 * 32 hex digits: 48 bits of milliseconds, version 7, variant 10, the rest random. Well-formed whatever the clock and the
 * random source say, since an element of a Uint8Array takes eight bits of what it is given: nothing is left to parse.
 */
function uuidv7Hex(clock: Clock, random: RandomBytes): string {
  const bytes = new Uint8Array(16);
  bytes.set(random(16));
  const nowMs = clock();
  for (let index = 0; index < 6; index += 1) bytes[index] = nowMs / 2 ** (40 - 8 * index);
  bytes[6] = 0x70 | ((bytes[6] ?? 0) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f);
  return toHex(bytes);
}

/** When an id was made, by the clock of whoever made it. */
export const mintedAtMs = (id: string): number =>
  Number.parseInt(id.slice(id.indexOf("_") + 1).slice(0, 12), 16);

/** Mints ids from an injected clock and random source. */
export interface IdMint {
  agent(): AgentId;
  policy(): PolicyId;
  apiKey(): ApiKeyId;
  decision(): DecisionId;
  token(): TokenId;
  request(): RequestId;
  backend(): BackendId;
  approval(): ApprovalId;
}

export function createIdMint(clock: Clock, random: RandomBytes): IdMint {
  // The one place where a brand is given without parsing: several ids per request are made here, by construction right.
  const minted = <Id extends string>(prefix: string) => `${prefix}_${uuidv7Hex(clock, random)}` as Id;
  return {
    agent: () => minted("agent"),
    policy: () => minted("policy"),
    apiKey: () => minted("key"),
    decision: () => minted("decision"),
    token: () => minted("token"),
    request: () => minted("request"),
    backend: () => minted("backend"),
    approval: () => minted("approval"),
  };
}

/** A decision has one reservation at most: so whoever knows the decision finds it, without a table. */
export const reservationOf = (decisionId: DecisionId): ReservationId =>
  ReservationId.parse(decisionId.replace(/^decision/, "reservation"));
