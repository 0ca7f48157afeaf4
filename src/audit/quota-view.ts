/** The limit that a ledger had no room under, and when it has room again. */
import * as z from "zod";
import { changeOf } from "../policy/explain/change.ts";
import { changesSentence } from "../policy/explain/change-sentence.ts";
import type { NearestChange } from "../policy/explain/explanation.ts";
import type { DecisionRecord } from "./audit-record.ts";

export const QuotaView = z
  .strictObject({
    owner: z.string().meta({ description: "Whose limit: `policy:<id>`, `tenant:<id>` or `token:<id>`." }),
    scope: z.string(),
    meter: z.string(),
    window: z.string(),
    limit: z.number(),
    left: z.number(),
    resetsAt: z.string().nullable().default(null),
  })
  .meta({ id: "QuotaView" });
export type QuotaView = z.infer<typeof QuotaView>;

/** Null where the record does not tell. */
export function quotaOf({ detail }: Pick<DecisionRecord, "detail">): QuotaView | null {
  const quota = QuotaView.safeParse(detail?.evidence);
  return quota.success ? quota.data : null;
}

export function waitForQuota(quota: QuotaView | null): NearestChange | null {
  if (quota === null) return null;
  const { owner, meter, window, left, resetsAt } = quota;
  const policyId = owner.replace(/^policy:/, "");
  const change = changeOf("wait", { policyId, constraint: `${meter}/${window}`, from: left, to: resetsAt });
  return { changes: [change], sentence: changesSentence([change]) };
}
