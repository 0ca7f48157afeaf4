// The ledger ports in memory, with what the write protocol relies on: one prepared revision per scope, void rows.

import { type Databases, databaseOf } from "../../../src/admin/databases.ts";
import { refuse } from "../../../src/kernel/refusal.ts";
import { fail, ok, type Result } from "../../../src/kernel/result.ts";
import type { ApprovalDecision } from "../../../src/quota/approval-contracts.ts";
import type { AgentState } from "../../../src/quota/contracts.ts";
import type { AgentLedgers, ScopeAddress, TenantLedgers } from "../../../src/quota/ledgers.ts";
import type { TokenRevocation } from "../../../src/quota/token-contracts.ts";

interface ScopeState {
  published: number;
  prepared: number | null;
}

export interface FakeTenantLedgers extends TenantLedgers {
  readonly published: (address: ScopeAddress) => number;
  /** What the alarm does with a prepared revision that nobody finished. */
  alarm(address: ScopeAddress): Promise<void>;
  isUp: boolean;
  waitMs: number;
  readonly calls: string[];
}

export function createFakeTenantLedgers(databases: Databases): FakeTenantLedgers {
  const states = new Map<string, ScopeState>();
  const stateOf = ({ scope, home }: ScopeAddress) => {
    const key = `${home}/${scope}`;
    const state = states.get(key) ?? { published: 0, prepared: null };
    states.set(key, state);
    return state;
  };
  const down = () => fail(refuse("ledger_unavailable"));

  const ledgers: FakeTenantLedgers = {
    isUp: true,
    waitMs: 7,
    calls: [],
    published: (address) => stateOf(address).published,

    async prepare(address) {
      if (!ledgers.isUp) return down();
      const state = stateOf(address);
      if (state.prepared !== null) return ok({ outcome: "busy", retryAfterMs: 5 });
      state.prepared = state.published + 1;
      ledgers.calls.push("prepare");
      return ok({ outcome: "prepared", revision: state.prepared });
    },

    async publish(address, revision) {
      if (!ledgers.isUp) return down();
      const state = stateOf(address);
      state.published = Math.max(state.published, revision);
      if (state.prepared === revision) state.prepared = null;
      ledgers.calls.push("publish");
      return ok({ waitMs: ledgers.waitMs });
    },

    async resolve(address, revision) {
      if (!ledgers.isUp) return down();
      await databaseOf(databases, address.scope, address.home)
        .prepare("INSERT INTO revisions (scope, revision, void) VALUES (?1, ?2, 1) ON CONFLICT DO NOTHING")
        .bind(address.scope, revision)
        .run();
      ledgers.calls.push("resolve");
      return ledgers.publish(address, revision);
    },

    async alarm(address) {
      const { prepared } = stateOf(address);
      if (prepared !== null) await ledgers.resolve(address, prepared);
    },
  };
  return ledgers;
}

export interface FakeAgentLedgers
  extends Pick<AgentLedgers, "putAgentState" | "revokeTokens" | "decideApproval"> {
  readonly states: Map<string, AgentState>;
  readonly decisions: ApprovalDecision[];
  /** As they were told, one after another. */
  readonly revocations: TokenRevocation[];
  isUp: boolean;
}

export function createFakeAgentLedgers(): FakeAgentLedgers {
  const ledgers: FakeAgentLedgers = {
    states: new Map(),
    revocations: [],
    decisions: [],
    isUp: true,
    async revokeTokens(revocation): Promise<Result<null>> {
      if (!ledgers.isUp) return fail(refuse("ledger_unavailable"));
      ledgers.revocations.push(revocation);
      return ok(null);
    },
    async putAgentState(state): Promise<Result<null>> {
      if (!ledgers.isUp) return fail(refuse("ledger_unavailable"));
      const known = ledgers.states.get(state.agentId);
      if (known === undefined || known.version < state.version) ledgers.states.set(state.agentId, state);
      return ok(null);
    },
    async decideApproval(decision) {
      if (!ledgers.isUp) return fail(refuse("ledger_unavailable"));
      ledgers.decisions.push(decision);
      return ok({ outcome: "decided" });
    },
  };
  return ledgers;
}
