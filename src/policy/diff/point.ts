/**
 * One request as a point of the space that a diff searches, and the same request as a question that a test could ask: so
 * a witness can be put to `decide`, and pasted into a suite.
 */
import type { AgentId, TenantId } from "../../kernel/ids.ts";
import { timestampOf } from "../../kernel/timestamp.ts";
import type { Action } from "../action.ts";
import type { PolicyTest } from "../as-code/policy-test.ts";
import type { TestQuestion } from "../as-code/test-case.ts";
import type { AskContent } from "../content.ts";
import type { Resource } from "../resource.ts";
import type { Facts } from "../selectors.ts";

/** All that tells requests for one action on one resource apart. */
export interface Point extends Facts, AskContent {
  readonly tenantId: TenantId;
  readonly agentId: AgentId;
  readonly endUser: string | null;
  readonly promptTokens: number | null;
  /** Per choice. */
  readonly outputTokens: number;
  readonly tools: readonly string[];
  readonly stores: boolean;
}

/** What differs from the plainest request alone. */
export function questionOf(point: Point, plain: Point, action: Action, resource: Resource): TestQuestion {
  const said = <K extends keyof Point>(key: K): boolean => !Object.is(point[key], plain[key]);
  const principal: NonNullable<PolicyTest["principals"]>[number] = {
    ...(said("tenantId") ? { tenantId: point.tenantId } : {}),
    ...(said("agentId") ? { agentId: point.agentId } : {}),
    ...(said("roles") ? { roles: [...point.roles] } : {}),
  };
  const place: NonNullable<PolicyTest["place"]> = {
    ...(point.country === null ? {} : { country: point.country }),
    ...(said("tlsVersion") ? { tlsVersion: point.tlsVersion } : {}),
    ...(point.clientAddress === null ? {} : { clientAddress: point.clientAddress }),
  };
  const ask: NonNullable<PolicyTest["ask"]> = {
    ...(said("promptTokens") ? { promptTokens: point.promptTokens } : {}),
    ...(said("outputTokens") ? { maxOutputTokens: point.outputTokens } : {}),
    ...(said("classification") ? { dataClassification: point.classification } : {}),
    ...(point.endUser === null ? {} : { user: point.endUser }),
    ...(said("tools") ? { tools: [...point.tools] } : {}),
    ...(said("stores") ? { store: point.stores } : {}),
    // A text would be counted where nothing is said.
    ...(said("promptCharacters") || said("literals") ? { promptCharacters: point.promptCharacters } : {}),
    ...(said("parameters") ? { parameters: { ...point.parameters } } : {}),
    ...(said("literals") ? { texts: point.canStrip && point.literals ? [...point.literals] : null } : {}),
  };
  return {
    principals: [principal],
    actions: [action],
    resources: [resource],
    at: timestampOf(point.nowMs),
    place,
    ask,
  };
}
