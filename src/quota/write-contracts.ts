/** The write protocol of DESIGN section 7: prepare n+1, commit in D1, publish, wait, answer. */
import * as z from "zod";
import { Scope } from "../kernel/ids.ts";
import { Revision } from "../policy/snapshot.ts";
import { Home } from "../residency/home.ts";

const v = z.literal(1);

export const PrepareRequest = z.strictObject({ v, scope: Scope, home: Home });
export type PrepareRequest = z.infer<typeof PrepareRequest>;
export const PrepareReply = z.discriminatedUnion("outcome", [
  z.strictObject({ outcome: z.literal("prepared"), revision: Revision }),
  z.strictObject({ outcome: z.literal("busy"), retryAfterMs: z.int().min(0) }),
]);
export type PrepareReply = z.infer<typeof PrepareReply>;

export const PublishRequest = z.strictObject({ v, scope: Scope, revision: Revision });
export type PublishRequest = z.infer<typeof PublishRequest>;
/** How long until every lease that may still carry an older revision has run out. */
export const PublishReply = z.strictObject({ waitMs: z.int().min(0) });
export type PublishReply = z.infer<typeof PublishReply>;
