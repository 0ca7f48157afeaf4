/** The decision alone, with few policies and many, most of which are for other models or for everybody. */
import { NOT_DELEGATED } from "../../../src/capability/claims.ts";
import { AgentId, PolicyId, TenantId, TokenId } from "../../../src/kernel/ids.ts";
import { UNREAD_CONTENT } from "../../../src/policy/content.ts";
import { decide } from "../../../src/policy/decide.ts";
import type { Ask } from "../../../src/policy/decision.ts";
import { Policy } from "../../../src/policy/policy.ts";
import { shadowOfAsk } from "../../../src/policy/shadow.ts";
import type { Snapshot } from "../../../src/policy/snapshot.ts";
import { Tenant } from "../../../src/policy/tenant.ts";
import type { Place } from "../../../src/residency/place.ts";
import type { DecideCase } from "../micro-contract.ts";

export const tenantId = TenantId.parse("bench");
const agentId = AgentId.parse(`agent_${"0".repeat(32)}`);
const nowMs = 1_790_000_000_000;

/** How many policies there are of each kind. */
interface Kinds {
  /** That look at the ask and do not fit. */
  readonly denies: number;
  /** Grants for other models. */
  readonly others: number;
  /** Grants that would allow. */
  readonly grants: number;
}

let made = 0;
function policy(effect: Policy["effect"], model: string, mode: Policy["mode"]): Policy {
  made += 1;
  return Policy.parse({
    id: PolicyId.parse(`policy_${made.toString(16).padStart(32, "0")}`),
    scope: tenantId,
    name: `Policy ${made}`,
    mode,
    effect,
    actions: ["chat", "completion"],
    resources: [`api://azure-openai/models/${model}`],
    constraints:
      effect === "deny"
        ? { allowedTenants: [`another-${made}`] }
        : {
            allowedTenants: [tenantId],
            maxTokensPerRequest: 4_000,
            maxRequestsPerDay: 10_000,
            maxTokensPerDay: 1_000_000,
            dataClassification: "internal",
            encryptionRequired: true,
          },
    createdAt: "2026-01-01T00:00:00.000Z",
    updatedAt: "2026-01-01T00:00:00.000Z",
  });
}

const policies = ({ denies, others, grants }: Kinds, mode: Policy["mode"] = "enforce"): readonly Policy[] => [
  ...Array.from({ length: denies }, () => policy("deny", "gpt-4", mode)),
  ...Array.from({ length: others }, (_, index) => policy("allow", `other-${index}`, mode)),
  ...Array.from({ length: grants }, () => policy("allow", "gpt-4", mode)),
];

const snapshotOf = (...sets: readonly (readonly Policy[])[]): Snapshot => ({
  platform: { revision: 1, policies: [], deployments: [], withdrawnKeys: [] },
  tenant: { revision: 1, tenant: Tenant.parse({ id: tenantId, name: "Bench" }), policies: sets.flat() },
});

const ask: Ask = {
  action: "chat",
  resource: "api://azure-openai/models/gpt-4",
  deployment: "gpt-4",
  promptTokens: 250,
  outputTokens: 200,
  choices: 1,
  stream: false,
  classification: "internal",
  endUser: null,
  clientAddress: null,
  price: null,
  tools: [],
  stores: false,
  content: UNREAD_CONTENT,
};
export const place: Place = {
  country: "DE",
  continent: "EU",
  isEu: true,
  colo: "FRA",
  tlsVersion: "TLSv1.3",
  clientAddress: "192.0.2.1",
};
export const capability = {
  tokenId: TokenId.parse(`token_${"0".repeat(32)}`),
  signedBy: [{ keyId: "key", issuedAtSeconds: 0 }],
  tenantId,
  home: "global",
  agentId,
  agentVersion: 1,
  principal: agentId,
  roles: [],
  classification: "internal",
  issuedAtSeconds: 1_790_000_000,
  expiresAtSeconds: 1_790_000_900,
  authorization: null,
  mintedBy: null,
  delegation: NOT_DELEGATED,
  holderKey: null,
  rootTokenId: TokenId.parse(`token_${"0".repeat(32)}`),
  rootIssuedAtSeconds: 1_790_000_000,
  refreshUntilSeconds: null,
  endUser: null,
} as const;

const mixed = (count: number): Kinds => ({ denies: count / 5, others: (count * 3) / 5, grants: count / 5 });
const sparse = (count: number): Kinds => ({ denies: 2, others: count - 4, grants: 2 });

const of10 = snapshotOf(policies(mixed(10)));
export const of100 = snapshotOf(policies(mixed(100)));
const of1000 = snapshotOf(policies(mixed(1_000)));
const sparse100 = snapshotOf(policies(sparse(100)));
const sparse1000 = snapshotOf(policies(sparse(1_000)));
const shadowed = snapshotOf(policies(mixed(100)), policies(sparse(100), "shadow"));

const inputOf = (snapshot: Snapshot) => ({ capability, ask, place, snapshot, nowMs });
const allows = (snapshot: Snapshot, trace = true): boolean =>
  decide(inputOf(snapshot), { trace }).kind === "candidates";

let resources = 0;
/** Of a resource that nobody has asked for before, and no policy names. */
function refusesUnknown(snapshot: Snapshot): boolean {
  resources += 1;
  const resource = `api://azure-openai/models/unknown-${resources}`;
  return decide({ ...inputOf(snapshot), ask: { ...ask, resource } }).kind === "refused";
}

interface TimedCase {
  /** True: what is timed is what was meant to be. */
  readonly run: () => boolean;
  /** For each round of the plan: the clock has whole milliseconds, so what is short must be done more often. */
  readonly times: number;
}

const often = (run: () => boolean): TimedCase => ({ run, times: 10 });
const once = (run: () => boolean): TimedCase => ({ run, times: 1 });

const cases: Readonly<Record<DecideCase, TimedCase>> = {
  decide_10: often(() => allows(of10)),
  decide: once(() => allows(of100)),
  decide_untraced: once(() => allows(of100, false)),
  decide_1000: once(() => allows(of1000)),
  decide_1000_untraced: once(() => allows(of1000, false)),
  decide_sparse_100: often(() => allows(sparse100)),
  decide_sparse_1000: often(() => allows(sparse1000)),
  decide_unknown_1000: often(() => refusesUnknown(sparse1000)),
  decide_shadow: once(() => allows(shadowed) && shadowOfAsk(inputOf(shadowed), "allowed")?.judged === 100),
};

export function decideMicroseconds(rounds: number): Record<DecideCase, number> {
  const timed = Object.entries(cases).map(([name, { run, times }]) => [
    name,
    microseconds(run, rounds * times),
  ]);
  return Object.fromEntries(timed); // Object.entries loses the key type; the answer is parsed.
}

function microseconds(run: () => boolean, rounds: number): number {
  const startMs = performance.now();
  let right = 0;
  for (let round = 0; round < rounds; round++) if (run()) right++;
  const elapsedMs = performance.now() - startMs;
  if (right !== rounds) throw new Error("The benchmark decides otherwise than it means to.");
  return (elapsedMs * 1_000) / rounds;
}
