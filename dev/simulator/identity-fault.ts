/** Faults of the token endpoint and of Key Vault, each for the next request there. */
import * as z from "zod";

const where = z.enum(["token", "vault"]).default("token");

export const IdentityFault = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("status"), at: where, status: z.int().min(400).max(599) }),
  z.strictObject({ kind: z.literal("slow"), at: where, ms: z.int().min(0).max(600_000) }),
  z.strictObject({ kind: z.literal("garbage"), at: where }),
  z.strictObject({ kind: z.literal("cut"), at: where }),
  /** A token that has run out before it arrives. */
  z.strictObject({ kind: z.literal("expired-token"), at: z.literal("token").default("token") }),
  /** A token for another resource than was asked for. */
  z.strictObject({ kind: z.literal("wrong-audience"), at: z.literal("token").default("token") }),
]);
export type IdentityFault = z.infer<typeof IdentityFault>;
export type IdentityFaultInput = z.input<typeof IdentityFault>;
