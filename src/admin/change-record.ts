/** The audit record of one control-plane write: who changed what, under which revision. Never the content. */
import type { UnnumberedRecord } from "../audit/outbox.store.ts";
import type { Scope } from "../kernel/ids.ts";
import { timestampOf } from "../kernel/timestamp.ts";
import type { Home } from "../residency/home.ts";
import type { Caller } from "./operation.ts";

export interface ChangeFacts {
  readonly caller: Caller;
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

export const changeRecord = ({ caller, scope, home, nowMs, ...facts }: ChangeFacts): UnnumberedRecord => ({
  v: 1,
  kind: "change",
  skipped: null,
  at: timestampOf(nowMs),
  home,
  tenantId: scope,
  requestId: caller.requestId,
  actor: caller.apiKey.id,
  ...facts,
});
