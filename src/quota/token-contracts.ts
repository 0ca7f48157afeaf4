/** The revocation and the refresh of tokens, as they cross RPC. */
import * as z from "zod";
import { AgentId, TenantId, TokenId } from "../kernel/ids.ts";
import { Revisions } from "../policy/snapshot.ts";
import { Home } from "../residency/home.ts";
import { LedgerRefusal, stale } from "./contracts.ts";
import { LedgerCaller } from "./ledger-caller.ts";
import { UsedProof } from "./used-proof.ts";

const v = z.literal(1);

/**
 * Tokens that open nothing any more, whatever they say. What is told here only ever adds to what a ledger knows, so
 * messages may come in any order and any number of times.
 */
export const TokenRevocation = z.strictObject({
  v,
  home: Home,
  tenantId: TenantId,
  agentId: AgentId,
  /** Single ones, until they would have expired anyhow. */
  tokens: z.array(z.strictObject({ tokenId: TokenId, expiresAtMs: z.int().min(0) })).max(100),
  /** All that were issued before this moment; null = none. */
  notBeforeMs: z.int().min(0).nullable(),
});
export type TokenRevocation = z.infer<typeof TokenRevocation>;

/** All that tells one token of a chain from another one. */
export const SuccessorToken = z.strictObject({
  tokenId: TokenId,
  issuedAtSeconds: z.int().min(0),
  expiresAtSeconds: z.int().min(0),
});
export type SuccessorToken = z.infer<typeof SuccessorToken>;

/** From this moment on the caller's token opens nothing, and its successor does. It charges nothing and takes no number. */
export const RefreshRequest = z.strictObject({
  v,
  caller: LedgerCaller,
  snapshot: Revisions,
  /** Where the caller's token is bound to a key. */
  proof: UsedProof.nullable(),
  /** Of the caller's token. */
  expiresAtSeconds: z.int().min(0),
  successor: SuccessorToken,
});
export type RefreshRequest = z.infer<typeof RefreshRequest>;

export const RefreshReply = z.discriminatedUnion("outcome", [
  /** `successor`: that of the first time, where the answer to it may have been lost. */
  z.strictObject({ outcome: z.literal("refreshed"), successor: SuccessorToken }),
  stale,
  z.strictObject({ outcome: z.literal("refused"), refusal: LedgerRefusal }),
]);
export type RefreshReply = z.infer<typeof RefreshReply>;
