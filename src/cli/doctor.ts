/**
 * `portcullis doctor`: asks a deployment what ails it. Exit code 0 = well (notes at most), 1 = errors,
 * 2 = not asked: wrong usage, no answer, or no report, 3 = warnings and no error.
 */
import { DoctorReport } from "../kernel/doctor-report.ts";
import { type Command, type CommandIo, exitCodes } from "./command.ts";
import { readDoctorSettings } from "./doctor-settings.ts";
import { askGateway, type GatewayAnswer } from "./gateway-answer.ts";
import { gatewayKey } from "./gateway-settings.ts";
import { exitCodeOf, reportLines } from "./report-lines.ts";

export const doctor: Command = {
  words: ["doctor"],
  usage: "portcullis doctor [--url <url>] [--json]",
  summary: "Say what ails a deployment. Reads PORTCULLIS (its URL) and ADMIN_KEY.",

  async run(args, io) {
    const settings = readDoctorSettings(args, io.environment);
    if (!settings.ok) return notAsked(io, `${settings.error}\nUsage: ${doctor.usage}`);
    const { url, isJson } = settings.value;
    const key = gatewayKey(io.environment);
    if (!key.ok) return notAsked(io, key.error);
    const answer = await askGateway({ url, key: key.value }, { path: "/v1/doctor" }, io);
    if (answer === null) return notAsked(io, `${url.origin} cannot be reached, or did not answer in time.`);
    const report = answer.status === 200 ? DoctorReport.safeParse(answer.body) : null;
    if (!report?.success) return notAsked(io, `${url.origin} gave no report: ${reasonOf(answer)}`);
    if (isJson) io.out(JSON.stringify(answer.body, null, 2));
    else for (const line of reportLines(report.data)) io.out(line);
    return exitCodeOf(report.data);
  },
};

const reasons: Readonly<Record<number, string>> = {
  401: "it does not know this API key, or the key has expired.",
  403: "the API key must be the platform's and have the scopes `deployments:read` and `tenants:read`.",
  404: "it has no doctor; is this the URL of a gateway?",
  429: "too many bad credentials came from here; wait a minute.",
  500: "the Worker is misconfigured or has a bug; its log names which (`npx wrangler tail`).",
  503: "its platform database does not answer.",
};

/** Of our own words, since what answers may be no gateway at all. */
const reasonOf = ({ status }: GatewayAnswer): string =>
  status === 200
    ? "its answer is none."
    : `status ${status}, ${reasons[status] ?? "which a gateway never answers."}`;

function notAsked(io: CommandIo, message: string): number {
  io.err(message);
  return exitCodes.notJudged;
}
