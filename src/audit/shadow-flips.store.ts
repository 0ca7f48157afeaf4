/**
 * What a policy in shadow would have changed, as the decisions of one home tell it: read from tables that a trigger
 * keeps (migrations/home/0005_count_shadow_flips.sql), each sum from one range of an index.
 */
import * as z from "zod";
import { refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import type { Home } from "../residency/home.ts";
import {
  MAX_SHADOW_AGENTS,
  MAX_SHADOW_SAMPLES,
  ShadowAgentSum,
  ShadowFlipSum,
  type ShadowQuestion,
  ShadowSample,
  type ShadowSums,
} from "./shadow-sums.ts";

export interface ShadowFlips {
  sums(home: Home, question: ShadowQuestion): Promise<Result<ShadowSums>>;
}

type RevisionColumn = "tenant_revision" | "platform_revision";

const ofRange = (revision: RevisionColumn) =>
  `hour >= ?1 AND hour < ?2 AND ${revision} >= ?3 AND ${revision} < ?4`;

const statementsBy = (revision: RevisionColumn) => {
  const ofPolicy = `FROM shadow_flips WHERE policy_id = ?5 AND ${ofRange(revision)}`;
  return {
    flips: `SELECT outcome AS "to", code, basis, sum(flips) AS flips ${ofPolicy}
      GROUP BY outcome, code, basis ORDER BY sum(flips) DESC`,
    agents: `SELECT tenant_id AS tenantId, agent_id AS agentId, outcome AS "to", sum(flips) AS flips ${ofPolicy}
      GROUP BY tenant_id, agent_id, outcome ORDER BY sum(flips) DESC LIMIT ${MAX_SHADOW_AGENTS}`,
    samples: `SELECT hour, sample AS decisionId, tenant_id AS tenantId, agent_id AS agentId, outcome AS "to", code, basis
      ${ofPolicy} ORDER BY hour DESC LIMIT ${MAX_SHADOW_SAMPLES}`,
  };
};

/** By whose policy it is. */
export const shadowStatements = {
  tenant: {
    ...statementsBy("tenant_revision"),
    decisions: `SELECT ifnull(sum(decisions), 0) AS decisions FROM shadow_decisions
      WHERE tenant_id = ?5 AND ${ofRange("tenant_revision")}`,
  },
  platform: {
    ...statementsBy("platform_revision"),
    decisions: `SELECT ifnull(sum(decisions), 0) AS decisions FROM shadow_decisions INDEXED BY shadow_decisions_by_hour
      WHERE ${ofRange("platform_revision")}`,
  },
} as const;

const DecisionsRow = z.object({ decisions: z.int() });

export function createShadowFlips({ dbOf }: { readonly dbOf: (home: Home) => D1Database }): ShadowFlips {
  return {
    async sums(home, { policyId, tenantId, from, to, fromRevision, toRevision }) {
      const statements = shadowStatements[tenantId === null ? "platform" : "tenant"];
      const range = [from, to, fromRevision, toRevision];
      try {
        const db = dbOf(home);
        const [flips, agents, samples, decisions] = await db.batch([
          db.prepare(statements.flips).bind(...range, policyId),
          db.prepare(statements.agents).bind(...range, policyId),
          db.prepare(statements.samples).bind(...range, policyId),
          db.prepare(statements.decisions).bind(...range, ...(tenantId === null ? [] : [tenantId])),
        ]);
        return ok({
          decisions: DecisionsRow.parse(decisions?.results[0]).decisions,
          flips: z.array(ShadowFlipSum).parse(flips?.results),
          agents: z.array(ShadowAgentSum).parse(agents?.results),
          samples: z.array(ShadowSample).parse(samples?.results),
        });
      } catch {
        return fail(refuse("store_unavailable"));
      }
    },
  };
}
