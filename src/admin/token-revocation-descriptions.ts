/**
 * What revocation (RFC 7009) and introspection (RFC 7662) of tokens take and answer. Both take JSON, and the form
 * parameters of their RFCs.
 */
import * as z from "zod";
import { ActClaim, DelegationDepth } from "../capability/claims.ts";
import { Thumbprint } from "../capability/holder-key.ts";
import { AgentId, Scope, TenantId, TokenId } from "../kernel/ids.ts";
import { MEANINGLESS } from "../kernel/parse-document.ts";
import { Timestamp } from "../kernel/timestamp.ts";
import { MAX_TOKEN_BYTES } from "../kernel/token-limits.ts";
import { Classification } from "../policy/classification.ts";
import { Revision } from "../policy/snapshot.ts";
import { Home } from "../residency/home.ts";
import { described, NoQuery } from "./operation-description.ts";

const token = z
  .string()
  .max(MAX_TOKEN_BYTES)
  .regex(/^[\x21-\x7e]+$/, "must be a token");
/** There is one type of token; RFC 7009 and 7662 let whoever asks say which it is. */
const hint = z.string().max(100).optional();

export const RevocationInput = z
  .strictObject({
    token: token
      .optional()
      .meta({ description: "The token itself; of any tenant that the key may know of." }),
    token_type_hint: hint,
    jti: TokenId.optional().meta({ description: "One token of the agent, by its id." }),
    agentId: AgentId.optional().meta({ description: "Without `jti`: all of its tokens." }),
    tenantId: TenantId.optional().meta({ description: "Without `agentId`: all tokens of its agents." }),
    before: Timestamp.optional().meta({
      description: "Of all tokens, those that were issued before; now, if absent. Not in the future.",
    }),
  })
  .refine(({ token, agentId, tenantId }) => token ?? agentId ?? tenantId, {
    path: ["tenantId"],
    message: "is required, or else `agentId` or `token`",
  })
  .refine(({ token, jti, agentId, tenantId, before }) => !token || !(jti ?? agentId ?? tenantId ?? before), {
    path: ["token"],
    message: "says by itself what is to be revoked",
    params: MEANINGLESS,
  })
  .refine(({ jti, agentId, before }) => !jti || (agentId && !before), {
    path: ["jti"],
    message: "needs `agentId` beside it, and no `before`",
    params: MEANINGLESS,
  })
  .meta({
    id: "TokenRevocation",
    description:
      "One token, by its text or by its id and agent; all of an agent or of a tenant that were issued before a moment.",
  });
export type RevocationInput = z.infer<typeof RevocationInput>;

const Revoked = z
  .strictObject({
    revoked: z.enum(["nothing", "token", "tokens_of_agent", "tokens_of_tenant"]),
    jti: TokenId.nullable(),
    agentId: AgentId.nullable(),
    tenantId: Scope.nullable(),
    before: Timestamp.nullable(),
    revision: Revision.nullable().meta({ description: "Of the tenant, where all its tokens were revoked." }),
  })
  .meta({ id: "RevokedTokens" });

const Introspected = z
  .union([
    z.strictObject({ active: z.literal(false) }),
    z.strictObject({
      active: z.literal(true),
      token_type: z.enum(["Bearer", "DPoP"]),
      client_id: AgentId,
      sub: z.string(),
      iss: z.string(),
      aud: z.string(),
      tid: TenantId,
      home: Home,
      roles: z.array(z.string()),
      classification: Classification,
      agent_version: z.int(),
      iat: z.int(),
      exp: z.int(),
      jti: TokenId,
      del_depth: DelegationDepth.optional(),
      del_max_depth: DelegationDepth.optional(),
      act: ActClaim.optional(),
      cnf: z
        .strictObject({ jkt: Thumbprint })
        .optional()
        .meta({ description: "The key by which each call must be proved; absent = a bearer token." }),
      refresh_until: z.int().optional(),
    }),
  ])
  .meta({ id: "IntrospectedToken" });

const introspectionBody = z.strictObject({ token, token_type_hint: hint }).meta({ id: "IntrospectionInput" });

export const tokenRevocationDescriptions = {
  revoke: described({
    method: "POST",
    path: "/tokens/revoke",
    operationId: "revokeTokens",
    summary: "Revoke tokens: effective for every later request once this has answered.",
    scope: "tokens:write",
    query: NoQuery,
    body: RevocationInput,
    acceptsForm: true,
    example: { tenantId: "acme", before: "2026-01-31T08:30:00.000Z" },
    answer: { status: 200, schema: Revoked },
    refusals: [
      "not_found",
      "tenant_mismatch",
      "meaningless",
      "home_not_configured",
      "write_in_progress",
      "ledger_unavailable",
    ],
  }),
  introspect: described({
    method: "POST",
    path: "/tokens/introspect",
    operationId: "introspectToken",
    summary: "Is this token good for anything, and whose is it? (RFC 7662)",
    scope: "tokens:read",
    query: NoQuery,
    body: introspectionBody,
    acceptsForm: true,
    example: { token: "eyJhbGciOiJFZERTQSJ9.e30.c2ln" },
    answer: { status: 200, schema: Introspected },
    refusals: ["home_not_configured"],
  }),
};
