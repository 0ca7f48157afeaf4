/** `/v1/tokens`: issue a capability token for an agent. Tokens are shown once and stored nowhere; their ids are recorded. */
import * as z from "zod";
import { AuthorizationDetail } from "../capability/claims.ts";
import { issueToken } from "../capability/issue-token.ts";
import { AgentId } from "../kernel/ids.ts";
import { TOKEN_DEFAULT_SECONDS, TOKEN_MAX_SECONDS } from "../kernel/limits.ts";
import { refuse } from "../kernel/refusal.ts";
import { fail, ok } from "../kernel/result.ts";
import { findAgent } from "./agents.routes.ts";
import { checkConstraints } from "./check-policy.ts";
import type { ControlPlaneDeps } from "./control-plane-deps.ts";
import { asked } from "./databases.ts";
import { NoQuery, type Operation, operation } from "./operation.ts";

export const TokenInput = z.strictObject({
  agentId: AgentId,
  /** Seconds. */
  expiresIn: z.int().min(1).max(TOKEN_MAX_SECONDS).default(TOKEN_DEFAULT_SECONDS),
  /** Absent = all that the policies grant. */
  authorizationDetails: z.array(AuthorizationDetail).min(1).max(20).optional(),
});
export type TokenInput = z.infer<typeof TokenInput>;

export const tokenOperations = (deps: ControlPlaneDeps): readonly Operation[] => [
  operation({
    method: "POST",
    path: "/tokens",
    scope: "tokens:write",
    query: NoQuery,
    body: TokenInput,
    async handle({ body: { agentId, expiresIn, authorizationDetails }, ...caller }) {
      for (const [index, { constraints }] of (authorizationDetails ?? []).entries()) {
        const refusal = checkConstraints(constraints, `authorizationDetails[${index}].constraints`);
        if (refusal !== null) return fail(refusal);
      }
      const found = await findAgent(deps, agentId, caller.apiKey);
      if (!found.ok) return found;
      const { agent, home } = found.value;
      if (agent.status === "disabled") {
        return fail(refuse("agent_disabled", { field: "agentId", message: "The agent is disabled." }));
      }
      const nowMs = deps.clock();
      const issued = await issueToken({
        keyRing: deps.keyRing,
        issuer: deps.config.issuer,
        audience: deps.config.audience,
        agent,
        home,
        expiresInSeconds: expiresIn,
        authorization: authorizationDetails ?? null,
        tokenId: deps.ids.token(),
        nowMs,
      });
      if (!issued.ok) return issued;
      const { token, tokenId, expiresAt } = issued.value;
      const facts = { scope: agent.tenantId, home, operation: "token.issue", objectId: tokenId };
      const recorded = await deps.changes.append({ caller, ...facts, revision: null, nowMs });
      if (!recorded.ok) return recorded;
      deps.background(asked(() => deps.deliverOutbox(agent.tenantId, home)));
      return ok({ status: 201, body: { token, tokenType: "Bearer", expiresAt, jti: tokenId } });
    },
  }),
];
