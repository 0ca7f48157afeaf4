/** The audit record of one control-plane write: who changed what, under which revision. Never the content. */
import type { UnnumberedRecord } from "../audit/outbox.store.ts";
import type { AgentId, ApiKeyId, RequestId, Scope } from "../kernel/ids.ts";
import { timestampOf } from "../kernel/timestamp.ts";
import type { Home } from "../residency/home.ts";
import type { Caller } from "./operation.ts";

export interface ChangeFacts extends Change {
  readonly caller: Caller;
}

export interface Change {
  readonly scope: Scope;
  readonly home: Home;
  /** Such as `policy.create`. */
  readonly operation: string;
  readonly objectId: string;
  readonly revision: number | null;
  /** Why, as its author said. */
  readonly reason?: string;
  readonly nowMs: number;
}

export const changeRecord = ({ caller, ...change }: ChangeFacts): UnnumberedRecord =>
  changeRecordBy(caller.apiKey.id, caller.requestId, change);

/** @param actor the API key that wrote, or the agent that refreshed its own token. */
export const changeRecordBy = (
  actor: ApiKeyId | AgentId,
  requestId: RequestId,
  { scope, home, nowMs, ...facts }: Change,
): UnnumberedRecord => ({
  v: 1,
  kind: "change",
  skipped: null,
  at: timestampOf(nowMs),
  home,
  tenantId: scope,
  requestId,
  actor,
  ...facts,
});
