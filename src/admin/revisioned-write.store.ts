/**
 * The write protocol of DESIGN section 7, for everything that can change a decision except agents: prepare n+1,
 * read preconditions, commit change + record + revision in one batch, fill KV, publish, wait until no older lease
 * can be live, answer. Whoever dies in between leaves a prepared revision, which the ledger's alarm resolves.
 */
import { controlSource, outboxStatement } from "../audit/outbox.store.ts";
import { asked } from "../kernel/asked.ts";
import type { Clock, Wait } from "../kernel/clock.ts";
import { refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { unsettledWrite } from "../kernel/unsettled-write.ts";
import type { Snapshots } from "../policy/snapshots.ts";
import type { ScopeAddress, TenantLedgers } from "../quota/ledgers.ts";
import type { PublishReply } from "../quota/write-contracts.ts";
import { changeRecord } from "./change-record.ts";
import { type Databases, databaseOf } from "./databases.ts";
import type { Caller } from "./operation.ts";
import type { Background, DeliverOutbox } from "./outbox-delivery.ts";

export const revisionStatements = {
  insert: "INSERT INTO revisions (scope, revision) VALUES (?1, ?2)",
  isCommitted: "SELECT 1 FROM revisions WHERE scope = ?1 AND revision = ?2 AND void = 0",
} as const;

/** How long a write waits for its turn. */
const TURN_MAX_MS = 10_000;
/** A turn may come before the ledger's hint says so. */
const TURN_POLL_MAX_MS = 1_000;
const TURN_POLL_MIN_MS = 10;

export interface Change<T> {
  readonly statements: readonly D1PreparedStatement[];
  readonly operation: string;
  readonly objectId: string;
  /** Why, where an operation wants to know. */
  readonly reason?: string;
  readonly value: T;
  /** What must follow the commit in another database, before the next write of the scope may begin. */
  readonly afterCommit?: () => Promise<Result<null>>;
}

export interface Write<T> extends ScopeAddress {
  readonly caller: Caller;
  /** Reads the preconditions; nothing else writes to the scope from here until the change is published. */
  readonly plan: (revision: number) => Promise<Result<Change<T>>>;
}

export interface Written<T> {
  readonly value: T;
  readonly revision: number;
}

export interface RevisionedWriter {
  write<T>(write: Write<T>): Promise<Result<Written<T>>>;
}

export interface RevisionedWriterDeps {
  readonly databases: Databases;
  readonly tenantLedgers: TenantLedgers;
  readonly snapshots: Pick<Snapshots, "fill">;
  readonly deliverOutbox: DeliverOutbox;
  readonly background: Background;
  readonly clock: Clock;
  readonly wait: Wait;
}

export function createRevisionedWriter(deps: RevisionedWriterDeps): RevisionedWriter {
  return {
    async write(write) {
      const address: ScopeAddress = { scope: write.scope, home: write.home };
      const turn = await takeTurn(deps, address);
      if (!turn.ok) return turn;
      const revision = turn.value;
      const change = await planOrGiveUp(deps, write, revision);
      if (!change.ok) return change;
      const committed = await commit(deps, write, change.value, revision);
      if (!committed.ok) return committed;
      const followed = (await change.value.afterCommit?.()) ?? ok(null);
      const published = await publish(deps, address, revision);
      if (!published.ok) return published;
      await deps.wait(published.value.waitMs);
      return followed.ok ? ok({ value: change.value.value, revision }) : followed;
    },
  };
}

async function takeTurn(
  { tenantLedgers, wait }: RevisionedWriterDeps,
  address: ScopeAddress,
): Promise<Result<number>> {
  let waitedMs = 0;
  for (;;) {
    const reply = await tenantLedgers.prepare(address);
    if (!reply.ok) return reply;
    if (reply.value.outcome === "prepared") return ok(reply.value.revision);
    if (waitedMs >= TURN_MAX_MS) return fail(refuse("write_in_progress"));
    const pauseMs = Math.min(Math.max(reply.value.retryAfterMs, TURN_POLL_MIN_MS), TURN_POLL_MAX_MS);
    await wait(pauseMs);
    waitedMs += pauseMs;
  }
}

/** A change that is not made gives its revision back at once: the next write need not wait for the alarm. */
async function planOrGiveUp<T>(
  { tenantLedgers }: RevisionedWriterDeps,
  { plan, scope, home }: Write<T>,
  revision: number,
): Promise<Result<Change<T>>> {
  let change: Result<Change<T>> | undefined;
  try {
    change = await plan(revision);
    return change;
  } finally {
    if (change?.ok !== true) await tenantLedgers.resolve({ scope, home }, revision);
  }
}

async function commit<T>(
  { databases, tenantLedgers, clock }: RevisionedWriterDeps,
  { scope, home, caller }: Write<T>,
  { statements, operation, objectId, reason }: Change<T>,
  revision: number,
): Promise<Result<null>> {
  const db = databaseOf(databases, scope, home);
  const facts = { caller, scope, home, operation, objectId, revision, nowMs: clock() };
  const record = changeRecord(reason === undefined ? facts : { ...facts, reason });
  const batch = await asked(() =>
    db.batch([
      ...statements,
      outboxStatement(db, controlSource(scope), record),
      db.prepare(revisionStatements.insert).bind(scope, revision),
    ]),
  );
  if (batch.ok) return ok(null);
  const resolved = await tenantLedgers.resolve({ scope, home }, revision);
  // A batch whose answer was lost may have committed, or be on its way still. Once resolved, the row says so for good.
  const row = await asked(() => db.prepare(revisionStatements.isCommitted).bind(scope, revision).first());
  if (row.ok && row.value !== null) return ok(null);
  return resolved.ok && row.ok ? batch : fail(unsettledWrite());
}

async function publish(
  { tenantLedgers, snapshots, deliverOutbox, background }: RevisionedWriterDeps,
  address: ScopeAddress,
  revision: number,
): Promise<Result<PublishReply>> {
  // The record is committed, whatever becomes of the publication.
  background(asked(() => deliverOutbox(address.scope, address.home)));
  await asked(() => snapshots.fill(address.scope, address.home));
  const published = await tenantLedgers.publish(address, revision);
  if (published.ok) return published;
  const again = await tenantLedgers.publish(address, revision);
  if (again.ok) return again;
  const message = `The change is committed as revision ${revision} and takes effect within a minute.`;
  return fail(refuse("ledger_unavailable", { message }));
}
