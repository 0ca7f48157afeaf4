/** The plainest request: what every dimension is where nothing depends on it. The same as a test that says nothing. */
import { AgentId } from "../../kernel/ids.ts";
import type { Tenant } from "../tenant.ts";
import type { Point } from "./point.ts";

export const MAX_SAFE_TOKENS = Number.MAX_SAFE_INTEGER - 1;

/** Where no policy depends on the time. */
export const SOME_MOMENT_MS = Date.UTC(2026, 0, 1);

const SOME_AGENT = AgentId.parse(`agent_${"0".repeat(32)}`);

export const plainPoint = ({ id }: Pick<Tenant, "id">, nowMs: number): Point => ({
  tenantId: id,
  agentId: SOME_AGENT,
  roles: [],
  classification: "internal",
  tlsVersion: "TLSv1.3",
  country: null,
  clientAddress: null,
  nowMs,
  endUser: null,
  promptTokens: 1,
  outputTokens: 1,
  tools: [],
  stores: false,
  promptCharacters: 0,
  parameters: {},
  literals: [],
  canStrip: true,
});
