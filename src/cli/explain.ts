/**
 * `portcullis explain`: why a decision was made as it was, for people. Exit code 0 = explained, 2 = not: wrong usage, no
 * such decision, or no answer.
 */
import { ExplainedDecision } from "../audit/explained-decision.ts";
import { DecisionId, Scope } from "../kernel/ids.ts";
import { type Command, type CommandIo, exitCodes } from "./command.ts";
import { parseArguments } from "./command-arguments.ts";
import { explanationLines } from "./explanation-lines.ts";
import { askGateway, type GatewayAnswer } from "./gateway-answer.ts";
import { gatewaySettings } from "./gateway-settings.ts";

export const explain: Command = {
  words: ["explain"],
  usage: "portcullis explain <decision id> [--tenant <tenant>] [--url <url>] [--json]",
  summary:
    "Say why a decision was made, and what would have allowed it. Reads PORTCULLIS (the gateway's URL) and ADMIN_KEY.",

  async run(args, io) {
    const usage = `Usage: ${explain.usage}`;
    const parsed = parseArguments({
      args: [...args],
      options: {
        tenant: { type: "string" },
        url: { type: "string" },
        json: { type: "boolean", default: false },
      },
      allowPositionals: true,
    });
    // What was typed is not repeated: it may be a secret.
    if (!parsed.ok || parsed.value.positionals.length !== 1)
      return notExplained(io, `Name one decision, and nothing that this command does not take.\n${usage}`);
    const { positionals, values } = parsed.value;
    const id = DecisionId.safeParse(positionals[0]);
    if (!id.success) return notExplained(io, "That is no decision id: they start with `decision_`.");
    const tenant = Scope.optional().safeParse(values.tenant);
    if (!tenant.success) return notExplained(io, "No tenant can have that name.");
    const settings = gatewaySettings(values.url, io.environment);
    if (!settings.ok) return notExplained(io, `${settings.error}\n${usage}`);
    const { origin } = settings.value.url;
    const query = tenant.data === undefined ? "" : `?tenant=${tenant.data}`;
    const answer = await askGateway(settings.value, { path: `/v1/decisions/${id.data}${query}` }, io);
    if (answer === null) return notExplained(io, `${origin} cannot be reached, or did not answer in time.`);
    const explained = answer.status === 200 ? ExplainedDecision.safeParse(answer.body) : null;
    if (!explained?.success) return notExplained(io, `${origin} gave no explanation: ${reasonOf(answer)}`);
    if (values.json) io.out(JSON.stringify(answer.body, null, 2));
    else for (const line of explanationLines(explained.data)) io.out(line);
    return exitCodes.well;
  },
};

const reasons: Readonly<Record<number, string>> = {
  401: "it does not know this API key.",
  403: "the API key lacks the scope `audit:read`, or belongs to another tenant.",
  404: "the tenant has no such decision. A key of the platform names the tenant with --tenant; a record takes some seconds to arrive.",
  429: "too many bad credentials came from here; wait a minute.",
  500: "the Worker is misconfigured or has a bug; its log names which (`npx wrangler tail`).",
  503: "one of its stores does not answer.",
};

/** Of our own words, since what answers may be no gateway at all. */
const reasonOf = ({ status }: GatewayAnswer): string =>
  status === 200
    ? "its answer is none."
    : `status ${status}, ${reasons[status] ?? "which a gateway never answers."}`;

function notExplained(io: CommandIo, message: string): number {
  io.err(message);
  return exitCodes.notJudged;
}
