/** `portcullis policy diff`: which requests two sets of policies decide differently, each kind with one that shows it. */
import type { Result } from "../kernel/result.ts";
import { fail, ok } from "../kernel/result.ts";
import { Timestamp } from "../kernel/timestamp.ts";
import { toldDiff } from "../policy/as-code/validate-policies.ts";
import type { ToldClass, ToldDiff } from "../policy/as-code/validation-report.ts";
import { policyDiff } from "../policy/diff/policy-diff.ts";
import { type Command, type CommandIo, exitCodes } from "./command.ts";
import { gatewaySettings } from "./gateway-settings.ts";
import { askValidation } from "./live-policies.ts";
import { ampleDiff, notJudged, policyArguments } from "./policy-command.ts";
import { diffLines } from "./policy-lines.ts";
import { type PolicySuite, readPolicySuite } from "./read-policy-suite.ts";

const LIVE = "live";

export const policyDiffCommand: Command = {
  words: ["policy", "diff"],
  usage:
    "portcullis policy diff <from> <to> [--from <timestamp>] [--exit-code] [--url <url>] [--json]; either may be `live`",
  summary:
    "Tell which requests become allowed or denied from one set of policies to another, exactly. `live` reads PORTCULLIS and ADMIN_KEY.",

  async run(args, io) {
    const parsed = policyArguments({
      args: [...args],
      options: {
        from: { type: "string" },
        "exit-code": { type: "boolean", default: false },
        url: { type: "string" },
        json: { type: "boolean", default: false },
      },
      allowPositionals: true,
    });
    const usage = `Usage: ${policyDiffCommand.usage}`;
    if (!parsed.ok) return notJudged(io, [parsed.error, usage]);
    const { positionals, values } = parsed.value;
    const [from, to, ...more] = positionals;
    if (from === undefined || to === undefined || more.length > 0 || (from === LIVE && to === LIVE))
      return notJudged(io, ["Name two files or folders, or one and `live`.", usage]);
    const moment = values.from === undefined ? null : Timestamp.safeParse(values.from);
    if (moment?.success === false)
      return notJudged(io, ["--from takes a moment such as 2026-01-31T08:30:00.000Z."]);
    const fromMs = moment === null ? null : Date.parse(moment.data);

    const diff =
      from === LIVE || to === LIVE
        ? await diffWithLive(from === LIVE ? to : from, to === LIVE, values.url, io)
        : await diffOfFiles(from, to, fromMs, io);
    if (!diff.ok) return notJudged(io, diff.error);
    if (values.json) io.out(JSON.stringify(diff.value, null, 2));
    else for (const line of diffLines(diff.value)) io.out(line);
    const { exact, becomesAllowed, becomesDenied, becomesPending } = diff.value;
    if (!exact) return exitCodes.notJudged;
    const changes = becomesAllowed.length + becomesDenied.length + becomesPending.length;
    return values["exit-code"] && changes > 0 ? exitCodes.ill : exitCodes.well;
  },
};

type Diffed = Result<ToldDiff, readonly string[]>;

async function diffOfFiles(from: string, to: string, fromMs: number | null, io: CommandIo): Promise<Diffed> {
  const before = await readPolicySuite(from, io);
  if (!before.ok) return before;
  const after = await readPolicySuite(to, io);
  if (!after.ok) return after;
  if (before.value.scope !== after.value.scope)
    return fail([`${from} is about ${before.value.scope}, ${to} about ${after.value.scope}.`]);
  // Policies are compared, and not what they are tried in.
  const { tenant, deployments } = after.value.set;
  const comparable = { ...before.value.set, tenant, deployments };
  return ok(toldDiff(policyDiff(comparable, after.value.set, ampleDiff(fromMs))));
}

/** The gateway compares, which knows its deployments and the platform's policies; from now on. */
async function diffWithLive(
  path: string,
  isTurned: boolean,
  url: string | undefined,
  io: CommandIo,
): Promise<Diffed> {
  const settings = gatewaySettings(url, io.environment);
  if (!settings.ok) return fail([settings.error]);
  const suite = await readPolicySuite(path, io);
  if (!suite.ok) return suite;
  const { scope, inputs }: PolicySuite = suite.value;
  const report = await askValidation(settings.value, scope, { inputs, tests: [] }, io);
  if (!report.ok) return fail([report.error]);
  const { diff, problems } = report.value;
  if (diff === null) return fail(problems.map(({ path: at, message }) => `${at}: ${message}`));
  return ok(isTurned ? turned(diff) : diff);
}

/** The gateway tells what would come of the file; asked is the way back. */
function turned({ becomesAllowed, becomesDenied, becomesPending, ...rest }: ToldDiff): ToldDiff {
  const all = [...becomesAllowed, ...becomesDenied, ...becomesPending].map(
    ({ from, to, before, after, ...one }): ToldClass => ({
      ...one,
      from: to,
      to: from,
      before: after,
      after: before,
    }),
  );
  const becoming = (outcome: ToldClass["to"]) => all.filter(({ to }) => to === outcome);
  return {
    ...rest,
    becomesAllowed: becoming("allowed"),
    becomesDenied: becoming("denied"),
    becomesPending: becoming("pending_approval"),
  };
}
