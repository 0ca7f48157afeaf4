/** How the states of signing keys lie in D1. Shared by their store and the snapshot loader. */
import * as z from "zod";
import { KeyRecord } from "./key-states.ts";

/** Few, and read whole, off the primary key. */
export const SELECT_SIGNING_KEYS = `SELECT key_id, state, published_at, signing_at, retired_at, killed_at, reason
  FROM signing_keys WHERE key_id > '' ORDER BY key_id`;

const KeyRow = z
  .object({
    key_id: z.string(),
    state: z.string(),
    published_at: z.string(),
    signing_at: z.string().nullable(),
    retired_at: z.string().nullable(),
    killed_at: z.string().nullable(),
    reason: z.string().nullable(),
  })
  .transform((row) =>
    KeyRecord.parse({
      keyId: row.key_id,
      state: row.state,
      publishedAt: row.published_at,
      signingAt: row.signing_at,
      retiredAt: row.retired_at,
      killedAt: row.killed_at,
      reason: row.reason,
    }),
  );

/** Throws on a row that no version of this program wrote. */
export const keyRecordOfRow = (row: unknown): KeyRecord => KeyRow.parse(row);
