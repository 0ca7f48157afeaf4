/**
 * All records of one decision, by its id. No index leads there: an index is a row written for every record. But ids carry
 * the time at which they were minted, and what follows a decision follows it soon, so a tenant's, then an agent's records
 * from that moment on are looked through, in windows that widen.
 */
import * as z from "zod";
import { type DecisionId, mintedAtMs, type Scope } from "../kernel/ids.ts";
import { refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { timestampOf } from "../kernel/timestamp.ts";
import type { Home } from "../residency/home.ts";
import { AuditRecord } from "./audit-record.ts";

const within = (index: string, filter: string) =>
  `SELECT record FROM audit_records INDEXED BY ${index}
   WHERE tenant_id = ?1 AND at >= ?2 AND at < ?3 AND decision_id = ?4${filter}
   ORDER BY at, source, n LIMIT 20`;

export const findDecisionStatements = {
  ofTenant: within("audit_by_tenant", ""),
  ofAgent: within("audit_by_agent", " AND agent_id = ?5"),
} as const;

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;

/** Bodies take seconds, now and then minutes; a reservation of /v1/enforce ten, a relay as long, a late alarm longer. */
const decisionWindows = [10 * SECOND_MS, 2 * MINUTE_MS, 60 * MINUTE_MS];
const followingWindows = [20 * MINUTE_MS, 180 * MINUTE_MS];

/** Others have no completion to look for. */
const chargedSurfaces: ReadonlySet<string> = new Set(["relay", "enforce"]);

const RecordRow = z.object({ record: z.string() });

type Of<K extends AuditRecord["kind"]> = Extract<AuditRecord, { kind: K }>;

export interface DecisionRecords {
  /** The first, where an /v1/enforce was asked again under its id. */
  readonly decision: Of<"decision">;
  /** The last. */
  readonly completion: Of<"completion"> | null;
  readonly abandoned: Of<"abandoned"> | null;
}

export interface DecisionFinder {
  /** Null where the tenant has no such decision. */
  find(home: Home, tenantId: Scope, id: DecisionId): Promise<Result<DecisionRecords | null>>;
}

export function createDecisionFinder({
  dbOf,
}: {
  readonly dbOf: (home: Home) => D1Database;
}): DecisionFinder {
  async function rowsOf(db: D1Database, sql: string, ...values: readonly string[]): Promise<AuditRecord[]> {
    const { results } = await db
      .prepare(sql)
      .bind(...values)
      .all();
    return results.map((row) => AuditRecord.parse(JSON.parse(RecordRow.parse(row).record)));
  }

  return {
    async find(home, tenantId, id) {
      const db = dbOf(home);
      const { ofTenant, ofAgent } = findDecisionStatements;
      try {
        const decision = await firstWithin(mintedAtMs(id), decisionWindows, async (from, to) =>
          (await rowsOf(db, ofTenant, tenantId, from, to, id)).find(({ kind }) => kind === "decision"),
        );
        if (decision?.kind !== "decision") return ok(null);
        const { agentId } = decision;
        if (agentId === null || decision.decision !== "allowed" || !chargedSurfaces.has(decision.surface))
          return ok({ decision, completion: null, abandoned: null });
        const following: AuditRecord[] = [];
        await firstWithin(Date.parse(decision.at), followingWindows, async (from, to) => {
          following.push(...(await rowsOf(db, ofAgent, tenantId, from, to, id, agentId)));
          return following.find(({ kind }) => kind === "completion");
        });
        const completion = following.findLast((record) => record.kind === "completion");
        const abandoned = following.find((record) => record.kind === "abandoned");
        return ok({ decision, completion: completion ?? null, abandoned: abandoned ?? null });
      } catch {
        return fail(refuse("store_unavailable"));
      }
    },
  };
}

/** @param windows their ends, after `startMs`; each begins where the one before ended. */
async function firstWithin<T>(
  startMs: number,
  windows: readonly number[],
  look: (from: string, to: string) => Promise<T | undefined>,
): Promise<T | undefined> {
  let fromMs = startMs;
  for (const window of windows) {
    const toMs = startMs + window;
    const found = await look(timestampOf(fromMs), timestampOf(toMs));
    if (found !== undefined) return found;
    fromMs = toMs;
  }
  return undefined;
}
