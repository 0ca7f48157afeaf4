/** What the gateway needs from the world. worker.ts constructs it; tests put faults in at these seams. */
import type { ApprovalDesk } from "../approval/approval-desk.ts";
import type { RecordQueue } from "../audit/record-delivery.ts";
import type { AzureCalls } from "../azure/azure-calls.ts";
import type { BackendHealths } from "../azure/backend-healths.ts";
import type { RetryBudget } from "../azure/retry-budget.ts";
import type { TokenCounters } from "../azure/token-counters.ts";
import type { UpstreamCredentials } from "../azure/upstream-credentials.ts";
import type { FloodShield } from "../capability/flood-shield.ts";
import type { ReceiptSigner } from "../capability/sign-receipt.ts";
import type { TokenVerifier } from "../capability/verify-token.ts";
import type { Clock, StartTimer } from "../kernel/clock.ts";
import type { IdMint, TenantId } from "../kernel/ids.ts";
import type { Snapshots } from "../policy/snapshots.ts";
import type { RecordNumber } from "../quota/contracts.ts";
import type { AgentLedgers } from "../quota/ledgers.ts";
import type { ByteChannel } from "./pass-split.ts";

export interface GatewayPorts {
  readonly clock: Clock;
  readonly startTimer: StartTimer;
  /** In [0, 1). */
  readonly random: () => number;
  readonly ids: IdMint;
  readonly verifier: TokenVerifier;
  /** The URL that a 401 names (RFC 9728). */
  readonly resourceMetadata: string;
  /** Signs what an allowed answer carries. */
  readonly receipts: ReceiptSigner;
  readonly shield: FloodShield;
  readonly snapshots: Snapshots;
  readonly ledgers: AgentLedgers;
  readonly approvals: ApprovalDesk;
  readonly records: RecordQueue;
  /** Numbers for records of decisions that no ledger numbered. */
  readonly workerNumber: () => RecordNumber;
  readonly azure: AzureCalls;
  /** What calls to backends carry. */
  readonly credentials: UpstreamCredentials;
  /** What this isolate knows of backends, and how many further calls it may make of them. */
  readonly backendHealths: BackendHealths;
  readonly retryBudget: RetryBudget;
  /** Salted, per tenant: the same person in two tenants has two hashes. */
  readonly hashEndUser: (tenantId: TenantId, endUser: string) => Promise<string>;
  /** The same of a client address; an IPv6 address by its network. */
  readonly hashAddress: (tenantId: TenantId, address: string) => Promise<string>;
  /** The same of a text that a policy denies. */
  readonly hashText: (tenantId: TenantId, text: string) => Promise<string>;
  /** Loads a tokenizer when first asked for it: only for prompts that their bytes cannot decide. */
  readonly tokenCounter: TokenCounters;
  /** Of the URLs that callers use, and so that proofs of possession are for. */
  readonly publicOrigin: string;
  /** Only where ledgers cannot have a jurisdiction, that is never when deployed. */
  readonly isLocal: boolean;
  readonly relayMaxMs: number;
  /** What is written to it can be read from it, carried by the runtime alone. */
  readonly newByteChannel: () => ByteChannel;
  /** Keeps the isolate alive for work that outlasts the answer; 30 s after a disconnect at most. */
  readonly background: (work: Promise<unknown>) => void;
}
