/** Stored answers as they cross RPC. Ledgers know an id by its digest only. */
import * as z from "zod";
import { AgentId, BackendId, TenantId } from "../kernel/ids.ts";
import { Home } from "../residency/home.ts";

/** SHA-256 in hex of what the object is and its id: ids of Azure's are random, so a digest tells nothing of them. */
export const StoredObjectKey = z.string().regex(/^[0-9a-f]{64}$/);
export type StoredObjectKey = z.infer<typeof StoredObjectKey>;

/** Where an answer is kept: only the Azure resource that made it has it. */
export const StoredObject = z.strictObject({
  /** The deployment that the call named. */
  deployment: z.string().min(1).max(64),
  backendId: BackendId,
});
export type StoredObject = z.infer<typeof StoredObject>;

/** What a call leaves at Azure. */
export const MadeObject = z.strictObject({
  key: StoredObjectKey,
  object: StoredObject,
  /** How long Azure keeps it, counted from when the ledger hears of it. */
  lifeMs: z.int().min(1),
});
export type MadeObject = z.infer<typeof MadeObject>;

/** An earlier answer that a call continues. */
export const UsedObject = z.strictObject({ key: StoredObjectKey, deployment: z.string() });
export type UsedObject = z.infer<typeof UsedObject>;

const v = z.literal(1);
const caller = z.strictObject({ home: Home, tenantId: TenantId, agentId: AgentId });

/**
 * Azure has told the id of an answer while its call goes on. Repeating is harmless, and so is a ledger of before, which
 * does not have this call: the settlement says the same once more.
 */
export const KeepObject = z.strictObject({ v, caller, made: MadeObject });
export type KeepObject = z.infer<typeof KeepObject>;

/** Azure has confirmed that it does not have the answer any more. Repeating is harmless. */
export const ForgetObject = z.strictObject({ v, caller, key: StoredObjectKey });
export type ForgetObject = z.infer<typeof ForgetObject>;
