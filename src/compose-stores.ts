/** The stores behind the control plane: D1 alone, with its limits. Called by compose.ts alone. */

import { createAgentStore } from "./admin/agents.store.ts";
import { createChangeLog } from "./admin/change-log.store.ts";
import type { Databases } from "./admin/databases.ts";
import { createDeploymentStore } from "./admin/deployments.store.ts";
import { createKeyKeepers } from "./admin/key-keepers.store.ts";
import { createPolicyStore } from "./admin/policies.store.ts";
import { createPoliciesAsTheyWere } from "./admin/policies-as-they-were.store.ts";
import { createPolicyHistory } from "./admin/policy-history.store.ts";
import { createTenantStore } from "./admin/tenants.store.ts";
import { createTokenRevocationStore } from "./admin/token-revocations.store.ts";
import { createWebhookStore } from "./approval/approval-webhooks.store.ts";
import { createApprovalStore } from "./approval/approvals.store.ts";
import { createAuditLog } from "./audit/audit-log.store.ts";
import { createDecisionFinder } from "./audit/find-decision.store.ts";
import { createShadowFlips } from "./audit/shadow-flips.store.ts";
import { createUsageHours } from "./audit/usage-hours.store.ts";
import { createApiKeyStore } from "./capability/api-keys.store.ts";
import { createDelegationStore } from "./capability/delegations.store.ts";
import { createSigningKeyStore } from "./capability/signing-keys.store.ts";
import { createCurrentSnapshot } from "./policy/current-snapshot.store.ts";
import type { Home } from "./residency/home.ts";

export function composeStores(databases: Databases) {
  const dbOf = (home: Home) => databases.ofHome(home);
  return {
    changes: createChangeLog(databases),
    keyKeepers: createKeyKeepers(databases.platform),
    agents: createAgentStore(databases),
    policies: createPolicyStore(databases),
    policyHistory: createPolicyHistory(databases),
    policiesAsTheyWere: createPoliciesAsTheyWere(databases),
    tenants: createTenantStore(databases),
    deployments: createDeploymentStore(databases.platform),
    apiKeys: createApiKeyStore(databases.platform),
    signingKeys: createSigningKeyStore(databases.platform),
    tokenRevocations: createTokenRevocationStore(databases),
    delegations: createDelegationStore({ dbOf }),
    approvals: createApprovalStore({ dbOf }),
    webhooks: createWebhookStore({ dbOf }),
    auditLog: createAuditLog({ dbOf }),
    decisions: createDecisionFinder({ dbOf }),
    usage: createUsageHours({ dbOf }),
    shadowFlips: createShadowFlips({ dbOf }),
    currentSnapshot: createCurrentSnapshot(databases),
  };
}
