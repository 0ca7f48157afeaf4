/**
 * `portcullis azure check`: has every backend of every deployment called, by the gateway, which alone holds the
 * credentials, and says what came of it. Exit code 0 = all that were called answered, 1 = some did not, 2 = not asked.
 */
import * as z from "zod";
import { type BackendCheck, DeploymentCheck } from "../kernel/backend-check.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { type Command, type CommandIo, exitCodes } from "./command.ts";
import { parseArguments } from "./command-arguments.ts";
import { askGateway } from "./gateway-answer.ts";
import { type GatewaySettings, gatewaySettings } from "./gateway-settings.ts";
import { printable } from "./printable.ts";

export const azureCheck: Command = {
  words: ["azure", "check"],
  usage: "portcullis azure check [--url <url>] [--images] [--json]",
  summary:
    "Call each backend once and report credential, model, time and residency class; pictures, which cost money, with --images. Reads PORTCULLIS and ADMIN_KEY.",

  async run(args, io) {
    const text = { type: "string" } as const;
    const flag = { type: "boolean" } as const;
    const parsed = parseArguments({ args: [...args], options: { url: text, images: flag, json: flag } });
    if (!parsed.ok) {
      return notAsked(
        io,
        `There is an argument that this command does not have.\nUsage: ${azureCheck.usage}`,
      );
    }
    const { url, images = false, json = false } = parsed.value.values;
    const settings = gatewaySettings(url, io.environment);
    if (!settings.ok) return notAsked(io, `${settings.error}\nUsage: ${azureCheck.usage}`);
    const checks = await checkAll(settings.value, images, io);
    if (!checks.ok) return notAsked(io, checks.error);
    if (json) io.out(JSON.stringify(checks.value, null, 2));
    else for (const line of linesOf(checks.value)) io.out(line);
    const found = checks.value.flatMap(({ backends }) => backends);
    return found.every(isWell) ? exitCodes.well : exitCodes.ill;
  },
};

const isWell = ({ outcome }: BackendCheck): boolean => outcome === "answered" || outcome === "not_called";

const Page = z.looseObject({
  items: z.array(z.looseObject({ name: z.string() })),
  nextCursor: z.string().nullable(),
});
const MAX_PAGES = 25;

/** One deployment after the other: a check is no load test. */
async function checkAll(
  settings: GatewaySettings,
  images: boolean,
  io: CommandIo,
): Promise<Result<readonly DeploymentCheck[], string>> {
  const names = await namesOf(settings, io);
  if (!names.ok) return names;
  const checks: DeploymentCheck[] = [];
  for (const name of names.value) {
    const path = `/v1/deployments/${encodeURIComponent(name)}/check${images ? "?images=true" : ""}`;
    const check = await asked(settings, { method: "POST", path }, DeploymentCheck, io);
    if (!check.ok) return check;
    checks.push(check.value);
  }
  return ok(checks);
}

async function namesOf(settings: GatewaySettings, io: CommandIo): Promise<Result<readonly string[], string>> {
  const names: string[] = [];
  let cursor: string | null = "";
  for (let page = 0; cursor !== null && page < MAX_PAGES; page += 1) {
    const query: string = cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const listed: Result<z.infer<typeof Page>, string> = await asked(
      settings,
      { path: `/v1/deployments?limit=200${query}` },
      Page,
      io,
    );
    if (!listed.ok) return listed;
    names.push(...listed.value.items.map(({ name }) => name));
    cursor = listed.value.nextCursor;
  }
  return ok(names);
}

async function asked<S extends z.ZodType>(
  settings: GatewaySettings,
  request: Parameters<typeof askGateway>[1],
  schema: S,
  io: CommandIo,
): Promise<Result<z.output<S>, string>> {
  const answer = await askGateway(settings, request, io);
  const { origin } = settings.url;
  if (answer === null) return fail(`${origin} cannot be reached, or did not answer in time.`);
  const body = answer.status === 200 ? schema.safeParse(answer.body) : null;
  return body?.success
    ? ok(body.data)
    : fail(
        `${origin} gave no answer to this: status ${answer.status}. The key must be the platform's and have the scopes \`deployments:read\` and \`deployments:write\`.`,
      );
}

function* linesOf(checks: readonly DeploymentCheck[]): Generator<string> {
  for (const { deployment, backends } of checks) {
    for (const found of backends) yield printable(`${deployment} ${found.backend} ${inWords(found)}`);
  }
  yield summaryOf(checks.flatMap(({ backends }) => backends));
}

/** A backend that serves several operations answered where each of them was. */
function summaryOf(all: readonly BackendCheck[]): string {
  const backendsOf = (checks: readonly BackendCheck[]) => new Set(checks.map(({ backend }) => backend));
  const backends = backendsOf(all);
  const unanswered = backendsOf(all.filter(({ outcome }) => outcome !== "answered"));
  const uncalled = backendsOf(all.filter(({ outcome }) => outcome === "not_called")).size;
  const rest =
    uncalled === 0 ? "" : ` No picture was asked of ${uncalled}: --images does that, and costs money.`;
  return `${backends.size - unanswered.size} of ${backends.size} backends answered.${rest}`;
}

const inWords = ({
  operation,
  outcome,
  credential,
  status,
  reason,
  model,
  durationMs,
  region,
  sku,
  processing,
}: BackendCheck): string =>
  [
    `${operation} ${outcome}`,
    `credential ${credential}`,
    ...(status === null ? [] : [`status ${status}`]),
    ...(reason === null ? [] : [reason]),
    ...(model === null ? [] : [`model ${model}`]),
    `${durationMs} ms`,
    `processing ${processing} (${sku}, ${region})`,
  ].join(", ");

function notAsked(io: CommandIo, message: string): number {
  io.err(message);
  return exitCodes.notJudged;
}
