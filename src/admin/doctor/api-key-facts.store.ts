/** What the doctor asks of the API keys: which have ended, are about to, or are old, and how long somebody can make more. */
import * as z from "zod";
import { asked } from "../../kernel/asked.ts";
import { DAY_MS } from "../../kernel/clock.ts";
import { ApiKeyId } from "../../kernel/ids.ts";
import { DOCTOR_MAX_EXAMPLES } from "../../kernel/limits.ts";
import { timestampOf } from "../../kernel/timestamp.ts";
import { IS_KEEPER } from "../key-keepers.store.ts";
import { API_KEY_OLD_DAYS, type ApiKeyFacts, KEY_NEAR_END_DAYS } from "./facts.ts";

/** Above every timestamp of this era. */
const NO_END = "9";

// All of them walk the primary key: control-plane keys are few, and neither age nor end has an index.
const FIRST_OF = "SELECT id FROM api_keys WHERE id > ?1";
export const apiKeyFactStatements = {
  ended: `${FIRST_OF} AND expires_at <= ?2 ORDER BY id LIMIT ?3`,
  nearEnd: `${FIRST_OF} AND expires_at > ?2 AND expires_at <= ?4 ORDER BY id LIMIT ?3`,
  // Without those that are near their end or past it.
  old: `${FIRST_OF} AND created_at < ?2 AND (expires_at IS NULL OR expires_at > ?4) ORDER BY id LIMIT ?3`,
  lastKeeper: `SELECT max(ifnull(expires_at, '${NO_END}')) AS ends_at FROM api_keys WHERE id > ?1 AND ${IS_KEEPER}`,
} as const;

const IdRow = z.object({ id: ApiKeyId });
// Whatever stands there: a key whose end is none of ours is a finding, and must not end the examination.
const KeeperRow = z.object({ ends_at: z.string().nullable() });

/** Null = they could not be read. */
export async function readApiKeys(platformDb: D1Database, nowMs: number): Promise<ApiKeyFacts | null> {
  const now = timestampOf(nowMs);
  const soon = timestampOf(nowMs + KEY_NEAR_END_DAYS * DAY_MS);
  const before = timestampOf(nowMs - API_KEY_OLD_DAYS * DAY_MS);
  const { ended, nearEnd, old, lastKeeper } = apiKeyFactStatements;
  const statements = [
    platformDb.prepare(ended).bind("", now, DOCTOR_MAX_EXAMPLES + 1),
    platformDb.prepare(nearEnd).bind("", now, DOCTOR_MAX_EXAMPLES + 1, soon),
    platformDb.prepare(old).bind("", before, DOCTOR_MAX_EXAMPLES + 1, soon),
    platformDb.prepare(lastKeeper).bind(""),
  ];
  const read = await asked(() => platformDb.batch(statements));
  if (!read.ok) return null;
  const [endedRows, nearEndRows, oldRows, keeperRows] = read.value.map(({ results }) => results);
  const { ends_at: endsAt } = KeeperRow.parse(keeperRows?.[0]);
  const ids = (rows: readonly unknown[] = []) => rows.map((row) => IdRow.parse(row).id);
  return {
    ended: ids(endedRows),
    nearEnd: ids(nearEndRows),
    old: ids(oldRows),
    lastKeeper: endsAt === null ? null : { endsAt: endsAt === NO_END ? null : endsAt },
  };
}
