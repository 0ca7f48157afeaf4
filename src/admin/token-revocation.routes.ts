/**
 * `/v1/tokens/revoke` (RFC 7009) and `/v1/tokens/introspect` (RFC 7662). A token that this key may not know of is
 * answered like one that is none: with nothing revoked, and as not active.
 */
import type { Capability } from "../capability/claims.ts";
import { actClaimOf, firstIssuedSeconds } from "../capability/family.ts";
import { isWithdrawn, withdrawnKeyOf } from "../capability/key-states.ts";
import { SECOND_MS } from "../kernel/clock.ts";
import { type AgentId, DEFAULT_TENANT, type TenantId, type TokenId } from "../kernel/ids.ts";
import { refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { type Timestamp, timestampOf } from "../kernel/timestamp.ts";
import { findAgent } from "./agents.routes.ts";
import type { ControlPlaneDeps } from "./control-plane-deps.ts";
import { type Answer, type Caller, type Operation, operation } from "./operation.ts";
import { revokeOfAgent, revokeOfTenant } from "./revoke-tokens.ts";
import { canSee, notFound, tenantOf } from "./tenant-access.ts";
import { addressOf } from "./tenant-address.ts";
import { endOfChainsBefore } from "./token-ends.ts";
import { type RevocationInput, tokenRevocationDescriptions } from "./token-revocation-descriptions.ts";
import type { TokenRevocation } from "./token-revocations.store.ts";
import { tokenToRevoke } from "./token-to-revoke.ts";

export const tokenRevocationOperations = (deps: ControlPlaneDeps): readonly Operation[] => [
  operation(tokenRevocationDescriptions.revoke, async ({ body, apiKey, requestId }) => {
    const caller = { apiKey, requestId };
    if (body.token !== undefined) return revokeText(deps, caller, body.token);
    const now = timestampOf(deps.clock());
    const { before: notBefore = now } = body;
    if (notBefore > now) return fail(inTheFuture);
    return body.agentId === undefined
      ? revokeTenant(deps, caller, body.tenantId, notBefore)
      : revokeAgent(deps, caller, { ...body, agentId: body.agentId }, notBefore);
  }),
  operation(tokenRevocationDescriptions.introspect, async ({ body, apiKey }) => {
    const verified = await deps.verifier.verify(body.token, deps.clock());
    if (!verified.ok || !canSee(apiKey, verified.value.tenantId)) return inactive;
    const active = await isActive(deps, verified.value);
    if (!active.ok) return active;
    return active.value ? ok({ status: 200, body: introspected(deps, verified.value) }) : inactive;
  }),
];

async function revokeText(deps: ControlPlaneDeps, caller: Caller, text: string): Promise<Result<Answer>> {
  const verified = await tokenToRevoke(deps.verifier, text, deps.clock());
  // RFC 7009, section 2.2: what is no token opens nothing already, and is no error.
  if (!verified.ok || !canSee(caller.apiKey, verified.value.tenantId)) return nothing;
  const { home, tenantId, agentId, tokenId, rootTokenId, expiresAtSeconds, refreshUntilSeconds } =
    verified.value;
  const endsAt = timestampOf((refreshUntilSeconds ?? expiresAtSeconds) * SECOND_MS);
  const revocation = { home, tenantId, agentId, tokenId: rootTokenId, notBefore: null, endsAt };
  return revoke(deps, caller, revocation, tokenId);
}

/** One token of an agent, or all of them. */
async function revokeAgent(
  deps: ControlPlaneDeps,
  caller: Caller,
  { agentId, jti, tenantId }: RevocationInput & { readonly agentId: AgentId },
  notBefore: Timestamp,
): Promise<Result<Answer>> {
  const tenant = tenantOf(caller.apiKey, tenantId, DEFAULT_TENANT, "tenantId");
  if (!tenant.ok) return tenant;
  const found = await findAgent(deps, agentId, caller.apiKey, "agentId");
  if (!found.ok) return found;
  const { agent, home } = found.value;
  if (tenantId !== undefined && tenantId !== agent.tenantId) return fail(notFound("agent", "agentId"));
  const address = { home, tenantId: agent.tenantId, agentId };
  if (jti === undefined) {
    const endsAt = endOfChainsBefore(notBefore);
    return revoke(deps, caller, { ...address, tokenId: null, notBefore, endsAt }, null);
  }
  const root = await deps.tokenRefreshes.rootOf(home, agentId, jti);
  if (!root.ok) return root;
  const endsAt = endOfChainsBefore(timestampOf(deps.clock()));
  return revoke(deps, caller, { ...address, tokenId: root.value, notBefore: null, endsAt }, jti);
}

async function revokeTenant(
  deps: ControlPlaneDeps,
  caller: Caller,
  requested: TenantId | undefined,
  notBefore: Timestamp,
): Promise<Result<Answer>> {
  const tenant = tenantOf(caller.apiKey, requested, DEFAULT_TENANT, "tenantId");
  if (!tenant.ok) return tenant;
  const tenantId = tenant.value;
  const address = await addressOf(deps.tenants, tenantId, "tenantId");
  if (!address.ok) return address;
  const written = await revokeOfTenant(deps, caller, { tenantId, home: address.value.home, notBefore });
  if (!written.ok) return written;
  const told = { jti: null, agentId: null, tenantId, before: notBefore };
  const { revision } = written.value;
  return ok({ status: 200, body: { revoked: "tokens_of_tenant", ...told, revision } });
}

/**
 * A token with all of its chain, by the first of it: whoever has found one may have refreshed it since.
 * @param asked which one was named; null = all of the agent.
 */
async function revoke(
  deps: ControlPlaneDeps,
  caller: Caller,
  revocation: TokenRevocation,
  asked: TokenId | null,
): Promise<Result<Answer>> {
  const revoked = await revokeOfAgent(deps, caller, revocation, asked);
  if (!revoked.ok) return revoked;
  const { agentId, tenantId, notBefore } = revocation;
  const told = { jti: asked, agentId, tenantId, before: notBefore, revision: null };
  return ok({ status: 200, body: { revoked: asked === null ? "tokens_of_agent" : "token", ...told } });
}

/** Whether a call with this token would get as far as its policies. */
async function isActive(deps: ControlPlaneDeps, capability: Capability): Promise<Result<boolean>> {
  const family = [capability, ...capability.delegation.ancestors].flatMap(({ tokenId, rootTokenId }) => [
    tokenId,
    rootTokenId,
  ]);
  const [found, revoked, refreshed, tenant, keys] = await Promise.all([
    deps.agents.find(capability.agentId),
    deps.tokenRevocations.ofAgent(capability, family),
    deps.tokenRefreshes.isRefreshed(capability.home, capability.tokenId),
    deps.tenants.find(capability.tenantId),
    deps.signingKeys.all(),
  ]);
  if (!found.ok) return found;
  if (!revoked.ok) return revoked;
  if (!refreshed.ok) return refreshed;
  if (!tenant.ok) return tenant;
  if (!keys.ok) return keys;
  const withdrawn = keys.value.flatMap((key) => withdrawnKeyOf(key) ?? []);
  const { tokenIds, notBefore } = revoked.value;
  return ok(
    found.value?.status === "active" &&
      capability.agentVersion >= found.value.agent.version &&
      tenant.value?.home === capability.home &&
      !isWithdrawn(capability, withdrawn) &&
      !refreshed.value &&
      !family.some((tokenId) => tokenIds.has(tokenId)) &&
      (notBefore === null || firstIssuedSeconds(capability) * SECOND_MS >= Date.parse(notBefore)),
  );
}

const introspected = ({ config }: Pick<ControlPlaneDeps, "config">, capability: Capability) => ({
  active: true,
  token_type: capability.holderKey === null ? "Bearer" : "DPoP",
  client_id: capability.agentId,
  sub: capability.principal,
  iss: config.issuer,
  aud: config.audience,
  tid: capability.tenantId,
  home: capability.home,
  roles: capability.roles,
  classification: capability.classification,
  agent_version: capability.agentVersion,
  iat: capability.issuedAtSeconds,
  exp: capability.expiresAtSeconds,
  jti: capability.tokenId,
  ...(capability.holderKey === null ? {} : { cnf: { jkt: capability.holderKey } }),
  ...(capability.refreshUntilSeconds === null ? {} : { refresh_until: capability.refreshUntilSeconds }),
  ...familyOf(capability.delegation),
});

/** RFC 8693, section 4.1, as the token has it; nothing for one that was not exchanged and cannot be. */
const familyOf = ({ maxDepth, actors, ancestors }: Capability["delegation"]) => ({
  ...(maxDepth === 0 ? {} : { del_depth: ancestors.length, del_max_depth: maxDepth }),
  ...(actors.length === 0 ? {} : { act: actClaimOf(actors) }),
});

const inactive: Result<Answer> = ok({ status: 200, body: { active: false } });

/** It would lock an agent out of what is not issued yet. */
const inTheFuture = refuse("meaningless", {
  field: "before",
  message: "`before` must not be in the future.",
});

const nothing: Result<Answer> = ok({
  status: 200,
  body: { revoked: "nothing", jti: null, agentId: null, tenantId: null, before: null, revision: null },
});
