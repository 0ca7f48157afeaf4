/** A proof of possession, as it crosses RPC. */
import * as z from "zod";
import { DecisionId } from "../kernel/ids.ts";

/** One decision uses it, however often that asks. */
export const UsedProof = z.strictObject({
  /** Of the proof's `jti`, a digest: of one length, whatever a caller writes. */
  proofId: z.string().regex(/^[A-Za-z0-9_-]{22}$/),
  issuedAtSeconds: z.int().min(0),
  usedBy: DecisionId,
});
export type UsedProof = z.infer<typeof UsedProof>;
