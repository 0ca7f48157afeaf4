/** What the operations on a policy's history take and answer. */
import * as z from "zod";
import { ApiKeyId, PolicyId } from "../kernel/ids.ts";
import { listPageOf } from "../kernel/list-page.ts";
import { Timestamp } from "../kernel/timestamp.ts";
import { DocumentChange } from "../policy/document-changes.ts";
import { Revision } from "../policy/snapshot.ts";
import { ListQuery } from "./list-query.ts";
import { described, NoBody, NoQuery } from "./operation-description.ts";
import { WrittenPolicy } from "./policy-descriptions.ts";
import { PolicyOperation, StoredDocument } from "./policy-version.ts";

const ToldVersion = z
  .strictObject({
    revision: Revision.meta({ description: "That the write made; 0 is a baseline." }),
    operation: PolicyOperation,
    author: ApiKeyId.nullable().meta({
      description: "The API key that wrote it; null where it is not known.",
    }),
    at: Timestamp,
    policy: StoredDocument.nullable().meta({ description: "As it was from then on; null = deleted." }),
    changes: z.array(DocumentChange).meta({ description: "By JSON pointer, `/updatedAt` apart." }),
    revertedTo: Revision.nullable(),
  })
  .meta({ id: "PolicyVersion" });
export type ToldVersion = z.infer<typeof ToldVersion>;

/** A revision that a request may name, as one that is within the numbers. */
const PolicyRevert = z.strictObject({ revision: Revision }).meta({ id: "PolicyRevert" });
const params = { id: PolicyId };

export const policyHistoryDescriptions = {
  history: described({
    method: "GET",
    path: "/policies/:id/history",
    operationId: "getPolicyHistory",
    summary:
      "Every version of a policy, newest first: who wrote it, and what changed. Deleted ones are kept.",
    scope: "policies:read",
    params,
    query: ListQuery,
    body: NoBody,
    answer: { status: 200, schema: listPageOf(ToldVersion).meta({ id: "PolicyHistoryPage" }) },
  }),
  revert: described({
    method: "POST",
    path: "/policies/:id/revert",
    operationId: "revertPolicy",
    summary: "Write a policy again as it was at a revision of its history, also if it was deleted since.",
    scope: "policies:write",
    params,
    query: NoQuery,
    body: PolicyRevert,
    example: { revision: 7 },
    isConditional: true,
    answer: { status: 200, schema: WrittenPolicy, hasRevision: true, hasEtag: true },
    refusals: ["meaningless", "policy_tests_failed", "write_in_progress", "ledger_unavailable"],
  }),
};
