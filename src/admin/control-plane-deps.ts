/** All that the control plane is given. It constructs nothing: worker.ts does, and tests do. */
import type { WebhookStore } from "../approval/approval-webhooks.store.ts";
import type { ApprovalStore } from "../approval/approvals.store.ts";
import type { AuditLog } from "../audit/audit-log.store.ts";
import type { DecisionFinder } from "../audit/find-decision.store.ts";
import type { ShadowFlips } from "../audit/shadow-flips.store.ts";
import type { UsageHours } from "../audit/usage-hours.store.ts";
import type { AzureCalls } from "../azure/azure-calls.ts";
import type { UpstreamCredentials } from "../azure/upstream-credentials.ts";
import type { ApiKeyStore } from "../capability/api-keys.store.ts";
import type { CurrentSigner } from "../capability/current-signer.ts";
import type { DelegationStore } from "../capability/delegations.store.ts";
import type { FloodShield } from "../capability/flood-shield.ts";
import type { KeyRing } from "../capability/key-ring.ts";
import type { ReceiptKeys } from "../capability/receipt-keys.ts";
import type { SigningKeyStore } from "../capability/signing-keys.store.ts";
import type { TokenVerifier } from "../capability/verify-token.ts";
import type { Clock, RandomBytes, StartTimer } from "../kernel/clock.ts";
import type { IdMint, TenantId } from "../kernel/ids.ts";
import type { CurrentSnapshot } from "../policy/current-snapshot.store.ts";
import type { Snapshots } from "../policy/snapshots.ts";
import type { AgentLedgers, LedgerReadings } from "../quota/ledgers.ts";
import type { Home } from "../residency/home.ts";
import type { AgentStore } from "./agents.store.ts";
import type { ChangeLog } from "./change-log.store.ts";
import type { DeploymentStore } from "./deployments.store.ts";
import type { DoctorFacts } from "./doctor/facts.ts";
import type { KeyKeepers } from "./key-keepers.store.ts";
import type { Background, DeliverOutbox } from "./outbox-delivery.ts";
import type { PolicyStore } from "./policies.store.ts";
import type { PoliciesAsTheyWere } from "./policies-as-they-were.store.ts";
import type { PolicyHistory } from "./policy-history.store.ts";
import type { RevisionedWriter } from "./revisioned-write.store.ts";
import type { TenantStore } from "./tenants.store.ts";
import type { TokenRefreshStore } from "./token-refreshes.store.ts";
import type { TokenRevocationStore } from "./token-revocations.store.ts";

export interface ControlPlaneDeps {
  /** Those that have their stores in this deployment. */
  readonly homes: readonly Home[];
  readonly agents: AgentStore;
  readonly policies: PolicyStore;
  readonly policyHistory: PolicyHistory;
  readonly policiesAsTheyWere: PoliciesAsTheyWere;
  readonly tenants: TenantStore;
  readonly deployments: DeploymentStore;
  readonly apiKeys: ApiKeyStore;
  /** Around look-ups of keys that nobody holds. */
  readonly shield: FloodShield;
  readonly keyKeepers: KeyKeepers;
  readonly changes: ChangeLog;
  readonly auditLog: Pick<AuditLog, "search" | "decisions">;
  readonly decisions: DecisionFinder;
  readonly usage: UsageHours;
  readonly shadowFlips: ShadowFlips;
  /** Salted, as calls are recorded with it. */
  readonly hashEndUser: (tenantId: TenantId, endUser: string) => Promise<string>;
  /** The same of a text that a policy denies. */
  readonly hashText: (tenantId: TenantId, text: string) => Promise<string>;
  readonly writer: RevisionedWriter;
  readonly tokenRevocations: TokenRevocationStore;
  readonly delegations: DelegationStore;
  readonly tokenRefreshes: Pick<TokenRefreshStore, "rootOf" | "isRefreshed">;
  /** Of tokens that are to be revoked or looked at. */
  readonly verifier: TokenVerifier;
  readonly approvals: ApprovalStore;
  readonly webhooks: WebhookStore;
  /** Signs what webhooks are sent; null = this deployment has none. */
  readonly webhookSecret: string | null;
  readonly agentLedgers: Pick<AgentLedgers, "putAgentState" | "revokeTokens" | "decideApproval">;
  readonly readings: Pick<LedgerReadings, "state" | "totals">;
  readonly doctorFacts: () => Promise<DoctorFacts>;
  readonly snapshots: Pick<Snapshots, "load">;
  readonly currentSnapshot: CurrentSnapshot;
  readonly deliverOutbox: DeliverOutbox;
  readonly background: Background;
  readonly keyRing: KeyRing;
  readonly receiptKeys: Pick<ReceiptKeys, "published">;
  readonly signingKeys: SigningKeyStore;
  readonly currentSigner: CurrentSigner;
  readonly config: { readonly issuer: string; readonly audience: string };
  /** What leads to Azure: only checks of backends take it. */
  readonly azure: AzureCalls;
  readonly credentials: UpstreamCredentials;
  /** Whether backends can be opened with Microsoft Entra. */
  readonly hasEntraKeys: boolean;
  /** True where the platform does not implement jurisdictions: plain-http backends on the loopback are allowed. */
  readonly isLocal: boolean;
  readonly ids: IdMint;
  readonly clock: Clock;
  readonly startTimer: StartTimer;
  readonly random: RandomBytes;
}
