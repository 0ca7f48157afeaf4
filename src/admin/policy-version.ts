/** One version of a policy's history: who wrote it, when, under which revision, and what it changed. */
import * as z from "zod";
import { ApiKeyId } from "../kernel/ids.ts";
import { Timestamp } from "../kernel/timestamp.ts";
import { type DocumentChange, documentChanges } from "../policy/document-changes.ts";
import { Revision } from "../policy/snapshot.ts";

/** `baseline`: how the policy was found when histories began to be kept. */
export const PolicyOperation = z.enum(["baseline", "create", "update", "delete", "revert"]);
export type PolicyOperation = z.infer<typeof PolicyOperation>;

/** As it was stored then: what policies may say changes with this program, what one has said does not. */
export const StoredDocument = z.looseObject({});
export type StoredDocument = z.infer<typeof StoredDocument>;

export const PolicyVersion = z.strictObject({
  revision: Revision,
  operation: PolicyOperation,
  /** Null = not known. */
  author: ApiKeyId.nullable(),
  at: Timestamp,
  before: StoredDocument.nullable(),
  after: StoredDocument.nullable(),
  /** Of a revert: the revision whose document was restored. */
  revertedTo: Revision.nullable(),
});
export type PolicyVersion = z.infer<typeof PolicyVersion>;

/** Members that change with every write, and say what `at` says. */
const ofEveryWrite: ReadonlySet<string> = new Set(["/updatedAt"]);

/** What the version changed: a creation adds every member, a deletion removes them. A baseline is no change. */
export const changesOf = ({ operation, before, after }: PolicyVersion): readonly DocumentChange[] =>
  operation === "baseline"
    ? []
    : documentChanges(before ?? {}, after ?? {}).filter(({ path }) => !ofEveryWrite.has(path));
