import { issueToken } from "../capability/issue-token.ts";
import { asked } from "../kernel/asked.ts";
import { refuse } from "../kernel/refusal.ts";
import { fail, ok } from "../kernel/result.ts";
import { checkConstraints } from "../policy/check-policy.ts";
import { findAgent } from "./agents.routes.ts";
import type { ControlPlaneDeps } from "./control-plane-deps.ts";
import { type Operation, operation } from "./operation.ts";
import { issueMs } from "./revoke-tokens.ts";
import { tokenDescriptions } from "./token-descriptions.ts";

export const tokenOperations = (deps: ControlPlaneDeps): readonly Operation[] => [
  operation(
    tokenDescriptions.issue,
    async ({ body: { agentId, expiresIn, authorizationDetails, delegation }, ...caller }) => {
      for (const [index, { constraints }] of (authorizationDetails ?? []).entries()) {
        const refusal = checkConstraints(constraints, `authorizationDetails[${index}].constraints`);
        if (refusal !== null) return fail(refusal);
      }
      const found = await findAgent(deps, agentId, caller.apiKey, "agentId");
      if (!found.ok) return found;
      const { agent, home } = found.value;
      if (agent.status === "disabled") {
        return fail(refuse("agent_disabled", { field: "agentId", message: "The agent is disabled." }));
      }
      const nowMs = deps.clock();
      const tokenId = deps.ids.token();
      const address = { home, tenantId: agent.tenantId, agentId: agent.id };
      const revoked = await deps.tokenRevocations.ofAgent(address, []);
      if (!revoked.ok) return revoked;
      const signer = await deps.currentSigner(nowMs);
      if (!signer.ok) return signer;
      const issued = await issueToken({
        signer: signer.value,
        issuer: deps.config.issuer,
        audience: deps.config.audience,
        agent,
        home,
        expiresInSeconds: expiresIn,
        authorization: authorizationDetails ?? null,
        tokenId,
        mintedBy: caller.apiKey.id,
        maxDelegationDepth: delegation?.maxDepth ?? 0,
        nowMs: issueMs(nowMs, revoked.value.notBefore),
      });
      if (!issued.ok) return issued;
      const { token, expiresAt } = issued.value;
      const facts = { scope: agent.tenantId, home, operation: "token.issue", objectId: tokenId };
      const recorded = await deps.changes.append({ caller, ...facts, revision: null, nowMs });
      if (!recorded.ok) return recorded;
      deps.background(asked(() => deps.deliverOutbox(agent.tenantId, home)));
      return ok({ status: 201, body: { token, tokenType: "Bearer", expiresAt, jti: tokenId } });
    },
  ),
];
