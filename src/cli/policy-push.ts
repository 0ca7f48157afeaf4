/**
 * `portcullis policy push`: makes a gateway's policies what files say. The gateway judges them as they would be in force,
 * with its own tenant, deployments and platform policies; what fails a test is not pushed. A second push changes nothing.
 */
import { type Command, type CommandIo, exitCodes } from "./command.ts";
import { gatewaySettings } from "./gateway-settings.ts";
import { askValidation, livePolicies } from "./live-policies.ts";
import { notJudged, policyArguments } from "./policy-command.ts";
import { diffLines, failureLines } from "./policy-lines.ts";
import { printable } from "./printable.ts";
import { nameOf, type PushPlan, pushPlan } from "./push-plan.ts";
import { readPolicySuite } from "./read-policy-suite.ts";
import { writePolicies } from "./write-policies.ts";

export const policyPush: Command = {
  words: ["policy", "push"],
  usage: "portcullis policy push <file or folder> [--prune] [--dry-run] [--unjudged] [--url <url>] [--json]",
  summary:
    "Make a gateway's policies what files say, after tests and diff. Reads PORTCULLIS (its URL) and ADMIN_KEY.",

  async run(args, io) {
    const parsed = policyArguments({
      args: [...args],
      options: {
        prune: { type: "boolean", default: false },
        "dry-run": { type: "boolean", default: false },
        unjudged: { type: "boolean", default: false },
        url: { type: "string" },
        json: { type: "boolean", default: false },
      },
      allowPositionals: true,
    });
    const usage = `Usage: ${policyPush.usage}`;
    if (!parsed.ok) return notJudged(io, [parsed.error, usage]);
    const { positionals, values } = parsed.value;
    const [path, ...more] = positionals;
    if (path === undefined || more.length > 0) return notJudged(io, ["Name one file or folder.", usage]);
    const settings = gatewaySettings(values.url, io.environment);
    if (!settings.ok) return notJudged(io, [settings.error]);
    const suite = await readPolicySuite(path, io);
    if (!suite.ok) return notJudged(io, suite.error);
    const { scope, inputs, tests } = suite.value;
    const live = await livePolicies(settings.value, scope, io);
    if (!live.ok) return notJudged(io, [live.error]);
    const plan = pushPlan(inputs, live.value, values.prune);
    const report = await askValidation(settings.value, scope, { inputs: plan.after, tests }, io);
    if (!report.ok) return notJudged(io, [report.error]);

    const { problems, diff, valid } = report.value;
    const failures = report.value.tests?.failures ?? [];
    const told = toldPlan(plan);
    const tell = (more: { readonly pushed: readonly string[] }) => {
      if (values.json) io.out(JSON.stringify({ scope, ...told, ...more, problems, failures, diff }, null, 2));
    };
    if (!values.json) {
      for (const line of [
        ...problems.map(({ path: at, message }) => `PROBLEM ${at}: ${message}`),
        ...failureLines(failures),
        ...planLines(plan),
        ...(diff === null ? [] : diffLines(diff)),
      ])
        io.out(printable(line));
    }
    if (!valid) {
      tell({ pushed: [] });
      return stopped(io, "Nothing was pushed.", exitCodes.ill);
    }
    if (diff?.exact === false && !values.unjudged) {
      tell({ pushed: [] });
      return stopped(
        io,
        "Nothing was pushed: what would change is not known. --unjudged pushes all the same.",
        exitCodes.notJudged,
      );
    }
    if (values["dry-run"]) {
      tell({ pushed: [] });
      return exitCodes.well;
    }
    const written = await writePolicies(settings.value, scope, plan.writes, io);
    tell({ pushed: written.done.map(nameOf) });
    if (written.fault !== null)
      return stopped(
        io,
        `${written.done.length} of ${plan.writes.length} writes were made. ${written.fault}`,
        exitCodes.ill,
      );
    if (!values.json)
      io.out(plan.writes.length === 0 ? "Nothing to push." : `Pushed: ${plan.writes.length} writes.`);
    return exitCodes.well;
  },
};

function stopped({ err }: Pick<CommandIo, "err">, sentence: string, code: number): number {
  err(printable(sentence));
  return code;
}

const toldPlan = ({ writes, kept }: PushPlan) => ({
  planned: writes.map((write) => ({ write: write.kind, policy: nameOf(write) })),
  kept: kept.map(({ input }) => input.name),
});

const planLines = ({ writes, kept }: PushPlan): readonly string[] => [
  ...writes.map((write) => `${write.kind} ${JSON.stringify(nameOf(write))}`),
  ...kept.map(({ input }) => `keep   ${JSON.stringify(input.name)}: only live; --prune deletes it`),
];
