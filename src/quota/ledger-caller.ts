/** Whose capability asks a ledger: part of its RPC contracts, so fields are only ever added. */
import * as z from "zod";
import { AgentId, TenantId, TokenId } from "../kernel/ids.ts";
import { MAX_DELEGATION_DEPTH } from "../kernel/token-limits.ts";
import { Home } from "../residency/home.ts";

/** A token, as a ledger holds it against what was revoked. */
const HeldToken = z.strictObject({
  tokenId: TokenId,
  /** Of the first token of its chain. */
  issuedAtSeconds: z.int().min(0),
  /** The first token of its chain of refreshed ones; absent where that is the token itself. */
  rootTokenId: TokenId.optional(),
});
export type HeldToken = z.infer<typeof HeldToken>;

/** Whose capability asks, as the agent's ledger checks it. */
export const LedgerCaller = z.strictObject({
  home: Home,
  tenantId: TenantId,
  agentId: AgentId,
  agentVersion: z.int().min(1),
  ...HeldToken.shape,
  /** Those that its token comes from: whichever of them is revoked, so is it. An answer says how many were looked at. */
  ancestors: z.array(HeldToken).max(MAX_DELEGATION_DEPTH).optional(),
});
export type LedgerCaller = z.infer<typeof LedgerCaller>;
