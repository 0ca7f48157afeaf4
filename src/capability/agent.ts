/** An agent: an application or AI agent of one tenant, the holder of capabilities and the owner of a ledger. */
import * as z from "zod";
import { AgentId, TenantId } from "../kernel/ids.ts";
import { Timestamp } from "../kernel/timestamp.ts";
import { Classification } from "../policy/classification.ts";
import { HolderKey, HolderKeyInput } from "./holder-key.ts";

export const AgentStatus = z.enum(["active", "disabled"]);
export type AgentStatus = z.infer<typeof AgentStatus>;

/** With one, every call of the agent needs a proof by it (RFC 9449). */
const publicKey = HolderKeyInput.nullable();

const roles = z.array(z.string().min(1).max(100)).max(50);

export const AgentInput = z.strictObject({
  name: z.string().min(1).max(200),
  description: z.string().max(2_000).default(""),
  metadata: z.record(z.string().min(1).max(100), z.string().max(2_000)).default({}),
  roles: roles.default([]),
  classification: Classification.default("internal"),
  tenantId: TenantId.optional(),
  publicKey: publicKey.default(null),
});
export type AgentInput = z.infer<typeof AgentInput>;

export const AgentPatch = z.strictObject({
  name: z.string().min(1).max(200).optional(),
  description: z.string().max(2_000).optional(),
  roles: roles.optional(),
  status: AgentStatus.optional(),
  classification: Classification.optional(),
  publicKey: publicKey.optional(),
});
export type AgentPatch = z.infer<typeof AgentPatch>;

export const Agent = z.strictObject({
  id: AgentId,
  tenantId: TenantId,
  name: z.string(),
  description: z.string(),
  metadata: z.record(z.string(), z.string()),
  roles: z.array(z.string()),
  status: AgentStatus,
  classification: Classification,
  /** Null = its tokens are bearer tokens. */
  publicKey: HolderKey.nullable(),
  /** One higher for every change that can change a decision; tokens of older versions are refused. */
  version: z.int().min(1),
  createdAt: Timestamp,
  updatedAt: Timestamp,
});
export type Agent = z.infer<typeof Agent>;
