/**
 * `portcullis azure import`: what Azure has deployed, as bodies for `POST /v1/deployments`. Reads, writes nothing. The bodies
 * go to standard output, what is to be looked at goes to the other one.
 */
import * as z from "zod";
import { fail, ok, type Result } from "../kernel/result.ts";
import { type ArmQuestion, authorityBeside, PUBLIC_ARM, readResource, resourceId } from "./arm.ts";
import { type Command, type CommandIo, exitCodes } from "./command.ts";
import { parseArguments } from "./command-arguments.ts";
import { printable } from "./printable.ts";
import { proposedDeployments } from "./proposed-deployments.ts";

export const azureImport: Command = {
  words: ["azure", "import"],
  usage:
    "portcullis azure import --account <resource id> [--tenant-id <id> --client-id <id> | --secret <AZURE_…>] [--arm <url>]",
  summary:
    "Propose deployments from what Azure has deployed, with region and sku. Reads AZURE_ACCESS_TOKEN, as `az account get-access-token` prints it.",

  async run(args, io) {
    const settings = readSettings(args, io.environment);
    if (!settings.ok) return notJudged(io, `${settings.error}\nUsage: ${azureImport.usage}`);
    const { question, credential } = settings.value;
    const resource = await readResource(question, io);
    if (!resource.ok) return notJudged(io, resource.error);
    const { deployments, remarks } = proposedDeployments(resource.value, credential);
    for (const remark of remarks) io.err(printable(remark));
    io.out(JSON.stringify(deployments, null, 2));
    if (deployments.length > 0) return exitCodes.well;
    io.err("There is nothing to propose.");
    return exitCodes.ill;
  },
};

const AzAnswer = z.looseObject({ accessToken: z.string() });

type ProposedCredential = Parameters<typeof proposedDeployments>[1];

interface Settings {
  readonly question: ArmQuestion;
  readonly credential: ProposedCredential;
}

function readSettings(
  args: readonly string[],
  environment: CommandIo["environment"],
): Result<Settings, string> {
  const text = { type: "string" } as const;
  const parsed = parseArguments({
    args: [...args],
    options: { account: text, arm: text, "tenant-id": text, "client-id": text, secret: text },
  });
  // The complaint of an argument that does not exist quotes it: it may be a token that was typed.
  if (!parsed.ok)
    return fail("There is an argument that this command does not have, or one without its value.");
  const {
    account: id,
    arm = PUBLIC_ARM,
    "tenant-id": tenantId,
    "client-id": clientId,
    secret,
  } = parsed.value.values;
  if (id === undefined || !resourceId.test(id)) {
    return fail(
      "--account takes the id of the resource, as `az cognitiveservices account show --query id` prints it.",
    );
  }
  const authority = authorityBeside(arm);
  if (authority === null)
    return fail("--arm takes the origin of an ARM: of a cloud of Azure's, or of this machine.");
  const token = tokenIn((environment.AZURE_ACCESS_TOKEN ?? "").trim());
  if (!/^[A-Za-z0-9._~+/-]{1,16384}=*$/.test(token)) {
    return fail(
      "AZURE_ACCESS_TOKEN holds no access token: set it to what `az account get-access-token --query accessToken --output tsv` prints.",
    );
  }
  if ((tenantId === undefined) !== (clientId === undefined))
    return fail("--tenant-id and --client-id go together.");
  if (tenantId !== undefined && secret !== undefined)
    return fail("An Entra identity and a Worker secret are two credentials: give one.");
  const credential: ProposedCredential =
    tenantId !== undefined && clientId !== undefined
      ? { kind: "entra", tenantId, clientId, ...(arm === PUBLIC_ARM ? {} : { authority }) }
      : { kind: "api_key", secret: secret ?? "AZURE_OPENAI_API_KEY" };
  return ok({ question: { arm, id, token }, credential });
}

/** `az account get-access-token` prints the token within JSON unless it is told otherwise. */
function tokenIn(text: string): string {
  if (!text.startsWith("{")) return text;
  try {
    return AzAnswer.safeParse(JSON.parse(text)).data?.accessToken ?? "";
  } catch {
    return "";
  }
}

function notJudged(io: CommandIo, message: string): number {
  io.err(message);
  return exitCodes.notJudged;
}
