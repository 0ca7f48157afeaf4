/**
 * From what ARM says to bodies for `POST /v1/deployments`. Region and sku are ARM's, never typed: residency rests on them.
 * What ARM does not tell is remarked on.
 */
import type * as z from "zod";
import { isSomeModelHost } from "../azure/azure-clouds.ts";
import { Sku } from "../azure/backend.ts";
import type { Credential } from "../azure/credential.ts";
import { DeploymentInput } from "../azure/deployment.ts";
import { silentAction } from "../azure/silent-model.ts";
import type { ArmAccount, ArmDeployment, ArmResource } from "./arm.ts";

export interface Proposal {
  readonly deployments: readonly z.input<typeof DeploymentInput>[];
  /** Sentences, for whoever will send them. */
  readonly remarks: readonly string[];
}

/** A deployment's cap where nobody tells the model's. */
const GUESSED_OUTPUT_TOKENS = 4_096;

export function proposedDeployments(
  { account, deployments }: ArmResource,
  credential: z.input<typeof Credential>,
): Proposal {
  const proposed: z.input<typeof DeploymentInput>[] = [];
  const remarks: string[] = [];
  const endpoint = endpointOf(account);
  const region = account.location.toLowerCase().replaceAll(" ", "");
  for (const deployment of deployments) {
    const { name, sku, properties } = deployment;
    const known = Sku.safeParse(sku?.name);
    if (!known.success) {
      const why = sku ? `the sku ${sku.name} is not known` : "it has no sku";
      remarks.push(`${name} is left out: ${why}, so where it processes is not known.`);
      continue;
    }
    if ((properties.model.format ?? "OpenAI") !== "OpenAI") {
      remarks.push(`${name} is left out: it is no model of OpenAI's.`);
      continue;
    }
    const told = outputTokensOf(deployment);
    const action = silentAction(properties.model.name);
    const body: z.input<typeof DeploymentInput> = {
      name,
      model: properties.model.name,
      maxOutputTokens: told ?? GUESSED_OUTPUT_TOKENS,
      ...(action === undefined ? {} : { actions: [action] }),
      outputParameter: isReasoning(properties.model.name) ? "max_completion_tokens" : "max_tokens",
      backends: [{ endpoint, azureDeployment: name, region, sku: known.data, credential }],
    };
    const checked = DeploymentInput.safeParse(body);
    if (!checked.success) {
      const places = checked.error.issues.map(({ path }) => path.join(".")).join(", ");
      remarks.push(`${name} is left out: the gateway would not take ${places}.`);
      continue;
    }
    proposed.push(body);
    if (told === null)
      remarks.push(`${name}: maxOutputTokens ${GUESSED_OUTPUT_TOKENS} is a guess; ARM does not tell it.`);
  }
  return { deployments: proposed, remarks };
}

/** A resource without a subdomain of its own answers at its region's host, where no Entra token is taken. */
function endpointOf({ properties: { endpoint = "", customSubDomainName } }: ArmAccount): string {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : null;
  if (url !== null && isSomeModelHost(url, true)) return url.origin;
  return customSubDomainName ? `https://${customSubDomainName}.openai.azure.com` : (url?.origin ?? endpoint);
}

/** Null = not told. */
function outputTokensOf({ properties: { model, capabilities } }: ArmDeployment): number | null {
  if (silentAction(model.name) !== undefined) return 0;
  const told = Number(capabilities?.maxOutputToken ?? Number.NaN);
  return Number.isInteger(told) && told > 0 ? told : null;
}

/** These refuse `max_tokens`. */
const isReasoning = (model: string): boolean => /^(?:o\d|gpt-5)/.test(model);
