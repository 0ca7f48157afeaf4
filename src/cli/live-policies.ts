/** What a gateway has of one scope: its policies, and what it says of others that would replace them. */
import * as z from "zod";
import { PLATFORM, type PolicyId, type Scope } from "../kernel/ids.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import type { Proposal } from "../policy/as-code/validate-policies.ts";
import { ValidationReport } from "../policy/as-code/validation-report.ts";
import { PolicyDocument, type PolicyInput } from "../policy/policy.ts";
import type { CommandIo } from "./command.ts";
import { askGateway, type GatewayAnswer } from "./gateway-answer.ts";
import type { GatewaySettings } from "./gateway-settings.ts";

export interface LivePolicy {
  readonly id: PolicyId;
  readonly input: PolicyInput;
}

const Page = z.object({ items: z.array(PolicyDocument), nextCursor: z.string().nullable() });
const Told = z.object({ code: z.string(), detail: z.string(), field: z.string().optional() });

/** The oldest first. */
export async function livePolicies(
  settings: GatewaySettings,
  scope: Scope,
  io: Pick<CommandIo, "fetch">,
): Promise<Result<readonly LivePolicy[], string>> {
  const found: LivePolicy[] = [];
  let cursor: string | null = null;
  do {
    const query: string = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const path = `/v1/policies?tenant=${scope}&limit=200${query}`;
    const answer = await askGateway(settings, { path }, io);
    const page = answer?.status === 200 ? Page.safeParse(answer.body) : null;
    if (!page?.success) return fail(reasonOf(settings, answer));
    found.push(...page.data.items.map(liveOf));
    cursor = page.data.nextCursor;
  } while (cursor !== null);
  const names = found.map(({ input }) => input.name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  return twice === undefined
    ? ok(found)
    : fail(
        `Two live policies have the name ${JSON.stringify(twice)}: rename one, since names tell policies apart.`,
      );
}

export const liveOf = (document: PolicyDocument): LivePolicy => {
  const { id, scope: _scope, createdAt: _createdAt, updatedAt: _updatedAt, ...input } = document;
  return { id, input };
};

export async function askValidation(
  settings: GatewaySettings,
  scope: Scope,
  { inputs: policies, tests }: Proposal,
  io: Pick<CommandIo, "fetch">,
): Promise<Result<ValidationReport, string>> {
  const body = { ...(scope === PLATFORM ? {} : { tenantId: scope }), policies, tests };
  const answer = await askGateway(settings, { method: "POST", path: "/v1/policies/validate", body }, io);
  const report = answer?.status === 200 ? ValidationReport.safeParse(answer.body) : null;
  return report?.success ? ok(report.data) : fail(reasonOf(settings, answer));
}

/** Why the gateway did not do what was asked; its own words where it is a gateway. */
export function reasonOf({ url }: GatewaySettings, answer: GatewayAnswer | null): string {
  if (answer === null) return `${url.origin} cannot be reached, or did not answer in time.`;
  const told = Told.safeParse(answer.body);
  if (!told.success)
    return `${url.origin} answered with status ${answer.status} and nothing that a gateway says.`;
  const { code, detail, field } = told.data;
  return `${url.origin} refused (${code}${field === undefined ? "" : `, ${field}`}): ${detail}`;
}

export const refusalCodeOf = (answer: GatewayAnswer | null): string | null =>
  Told.safeParse(answer?.body).data?.code ?? null;
