// A statement that walks a table is cheap in tests and dear in production: every one must use an index.
import { describe, expect, it } from "vitest";
import { agentStatements } from "../../../src/admin/agents.store.ts";
import { deploymentStatements } from "../../../src/admin/deployments.store.ts";
import { apiKeyFactStatements } from "../../../src/admin/doctor/api-key-facts.store.ts";
import { doctorStatements, doctorTenantStatements } from "../../../src/admin/doctor/documents.store.ts";
import { keyKeeperStatements } from "../../../src/admin/key-keepers.store.ts";
import { policyStatements } from "../../../src/admin/policies.store.ts";
import {
  pastPlatformStatements,
  pastPolicyStatements,
} from "../../../src/admin/policies-as-they-were.store.ts";
import { policyHistoryStatements, tenantHistoryStatements } from "../../../src/admin/policy-history.store.ts";
import { revisionStatements } from "../../../src/admin/revisioned-write.store.ts";
import { directoryStatements, tenantStatements } from "../../../src/admin/tenants.store.ts";
import { revocationStatements } from "../../../src/admin/token-revocations.store.ts";
import { webhookStatements } from "../../../src/approval/approval-webhooks.store.ts";
import {
  approvalListStatements,
  approvalStatements,
  tenantApprovalStatements,
} from "../../../src/approval/approvals.store.ts";
import { findDecisionStatements } from "../../../src/audit/find-decision.store.ts";
import { delegationStatements } from "../../../src/capability/delegations.store.ts";
import { signingKeyStatements } from "../../../src/capability/signing-keys.store.ts";
import { revisionRowStatements } from "../../../src/quota/revision-rows.store.ts";
import { databases } from "./control-plane-fixture.ts";

const named = (statements: Readonly<Record<string, string>>) => Object.entries(statements);
const home = databases.ofHome("global");

describe.each([
  ["agents", home, named(agentStatements)],
  ["tenants", home, named(tenantStatements)],
  ["policies at home", home, named(policyStatements)],
  ["policies of the platform", databases.platform, named(policyStatements)],
  ["histories at home", home, named({ ...policyHistoryStatements, ...tenantHistoryStatements })],
  ["histories of the platform", databases.platform, named(policyHistoryStatements)],
  ["policies as they were at home", home, named(pastPolicyStatements)],
  ["policies as they were of the platform", databases.platform, named(pastPlatformStatements)],
  ["records of a decision", home, named(findDecisionStatements)],
  ["revisions", home, named(revisionStatements)],
  ["revisions of a ledger", home, named(revisionRowStatements)],
  ["revocations of tokens", home, named({ ...revocationStatements, ...delegationStatements })],
  [
    "approvals",
    home,
    named({ ...approvalStatements, ...approvalListStatements, ...tenantApprovalStatements }),
  ],
  ["webhooks", home, named(webhookStatements)],
  ["directory", databases.platform, named(directoryStatements)],
  ["deployments", databases.platform, named(deploymentStatements)],
  ["signing keys", databases.platform, named(signingKeyStatements)],
  ["key keepers", databases.platform, named(keyKeeperStatements)],
  ["the doctor on the platform", databases.platform, named({ ...doctorStatements, ...apiKeyFactStatements })],
  ["the doctor at home", home, named(doctorTenantStatements)],
] as const)("%s", (_, db, statements) => {
  it.each(statements)("%s uses an index and sorts nothing", async (_name, sql) => {
    const parameters = new Set(sql.match(/\?\d+/g)).size;
    const plan = await db
      .prepare(`EXPLAIN QUERY PLAN ${sql}`)
      .bind(...Array(parameters).fill(null))
      .all<{ detail: string }>();
    const steps = plan.results.map(({ detail }) => detail);
    const walks = steps.filter((step) => /^SCAN (?!CONSTANT ROW)/.test(step) && !/INDEX/.test(step));
    expect(walks).toEqual([]);
    expect(steps.filter((step) => step.includes("TEMP B-TREE"))).toEqual([]);
  });
});

it("would notice a statement that walks a table", async () => {
  const plan = await home
    .prepare("EXPLAIN QUERY PLAN SELECT * FROM agents WHERE name = 'x'")
    .all<{ detail: string }>();
  expect(plan.results[0]?.detail).toMatch(/^SCAN agents$/);
});
