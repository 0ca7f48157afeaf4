/**
 * What ARM says of an Azure OpenAI resource: where it is, and what is deployed on it. The access token goes to ARM's own
 * hosts, or this machine, and nowhere else; failures of `fetch` are not repeated, since they can quote a header.
 */
import * as z from "zod";
import { PUBLIC_AUTHORITY } from "../azure/azure-clouds.ts";
import { isLoopback } from "../azure/endpoint-encryption.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import type { CommandIo } from "./command.ts";

const API_VERSION = "2025-06-01";
const ANSWER_MS = 30_000;
const MAX_PAGES = 20;
export const PUBLIC_ARM = "https://management.azure.com";

/** Who issues the tokens of each ARM's cloud. */
const authorities: ReadonlyMap<string, string> = new Map([
  [PUBLIC_ARM, PUBLIC_AUTHORITY],
  ["https://management.usgovcloudapi.net", "https://login.microsoftonline.us"],
  ["https://management.chinacloudapi.cn", "https://login.partner.microsoftonline.cn"],
]);

/** Null where no token may be sent there. On this machine, a simulator is both. */
export function authorityBeside(arm: string): string | null {
  const url = URL.canParse(arm) ? new URL(arm) : null;
  if (url === null || url.origin !== arm) return null;
  return isLoopback(url) ? arm : (authorities.get(arm) ?? null);
}

export const resourceId =
  /^\/subscriptions\/[\w-]{1,64}\/resourceGroups\/[\w.()-]{1,90}\/providers\/Microsoft\.CognitiveServices\/accounts\/[\w.-]{1,64}$/i;

export const ArmAccount = z.looseObject({
  location: z.string(),
  properties: z.looseObject({
    endpoint: z.string().optional(),
    customSubDomainName: z.string().nullish(),
  }),
});
export type ArmAccount = z.infer<typeof ArmAccount>;

export const ArmDeployment = z.looseObject({
  name: z.string(),
  sku: z.looseObject({ name: z.string() }).nullish(),
  properties: z.looseObject({
    model: z.looseObject({ format: z.string().optional(), name: z.string(), version: z.string().nullish() }),
    capabilities: z.record(z.string(), z.unknown()).nullish(),
  }),
});
export type ArmDeployment = z.infer<typeof ArmDeployment>;
const Page = z.looseObject({ value: z.array(z.unknown()), nextLink: z.string().nullish() });

export interface ArmQuestion {
  /** An origin. */
  readonly arm: string;
  /** Of the resource. */
  readonly id: string;
  readonly token: string;
}

export interface ArmResource {
  readonly account: ArmAccount;
  readonly deployments: readonly ArmDeployment[];
}

export async function readResource(
  { arm, id, token }: ArmQuestion,
  io: Pick<CommandIo, "fetch">,
): Promise<Result<ArmResource, string>> {
  const account = await ask(`${arm}${id}?api-version=${API_VERSION}`, token, ArmAccount, io);
  if (!account.ok) return account;
  const deployments: ArmDeployment[] = [];
  let next: string | null | undefined = `${arm}${id}/deployments?api-version=${API_VERSION}`;
  for (let page = 0; next && page < MAX_PAGES; page += 1) {
    const listed: Result<z.infer<typeof Page>, string> = await ask(next, token, Page, io);
    if (!listed.ok) return listed;
    for (const item of listed.value.value) {
      const deployment = ArmDeployment.safeParse(item);
      if (!deployment.success) return fail("ARM lists a deployment without name or model.");
      deployments.push(deployment.data);
    }
    next = listed.value.nextLink;
    // The token would go wherever it leads.
    if (next && (!URL.canParse(next) || new URL(next).origin !== arm)) {
      return fail("ARM's list goes on at another host, which is not asked.");
    }
  }
  return next ? fail("ARM's list does not end.") : ok({ account: account.value, deployments });
}

async function ask<S extends z.ZodType>(
  url: string,
  token: string,
  schema: S,
  io: Pick<CommandIo, "fetch">,
): Promise<Result<z.output<S>, string>> {
  try {
    const response = await io.fetch(url, {
      headers: { authorization: `Bearer ${token}`, accept: "application/json" },
      redirect: "manual",
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    if (response.status !== 200)
      return fail(`ARM answered ${response.status}${reasons[response.status] ?? "."}`);
    const answer = schema.safeParse(await response.json());
    return answer.success ? ok(answer.data) : fail("ARM's answer is none that is understood.");
  } catch {
    return fail("ARM cannot be reached, or did not answer in time.");
  }
}

const reasons: Readonly<Record<number, string>> = {
  401: ": the access token is not taken. Get a new one with `az account get-access-token`.",
  403: ": whoever the token belongs to may not read this resource.",
  404: ": there is no such resource.",
};
