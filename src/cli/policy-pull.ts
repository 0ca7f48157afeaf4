/** `portcullis policy pull`: what a gateway has of one tenant, or of the platform, as a file. */
import { PLATFORM, Scope } from "../kernel/ids.ts";
import { type Command, type CommandIo, exitCodes } from "./command.ts";
import { gatewaySettings } from "./gateway-settings.ts";
import { livePolicies } from "./live-policies.ts";
import { notJudged, policyArguments } from "./policy-command.ts";
import { policyYaml, withPolicies } from "./policy-yaml.ts";

export const policyPull: Command = {
  words: ["policy", "pull"],
  usage: "portcullis policy pull (--tenant <id> | --platform) [--out <file>] [--url <url>] [--json]",
  summary: "Write a gateway's policies as YAML. Reads PORTCULLIS (its URL) and ADMIN_KEY.",

  async run(args, io) {
    const parsed = policyArguments({
      args: [...args],
      options: {
        tenant: { type: "string" },
        platform: { type: "boolean", default: false },
        out: { type: "string" },
        url: { type: "string" },
        json: { type: "boolean", default: false },
      },
    });
    const usage = `Usage: ${policyPull.usage}`;
    if (!parsed.ok) return notJudged(io, [parsed.error, usage]);
    const { tenant, platform, out, url, json } = parsed.value.values;
    if ((tenant === undefined) === !platform)
      return notJudged(io, ["Name a tenant, or the platform.", usage]);
    const scope = Scope.safeParse(platform ? PLATFORM : tenant);
    if (!scope.success) return notJudged(io, ["No tenant has such an id."]);
    const settings = gatewaySettings(url, io.environment);
    if (!settings.ok) return notJudged(io, [settings.error]);
    const live = await livePolicies(settings.value, scope.data, io);
    if (!live.ok) return notJudged(io, [live.error]);
    const policies = live.value.map(({ input }) => input);
    if (out === undefined) {
      const owner = platform ? { platform: true } : { tenant: scope.data };
      io.out(
        json ? JSON.stringify({ ...owner, policies }, null, 2) : policyYaml(scope.data, policies).trimEnd(),
      );
      return exitCodes.well;
    }
    const before = await existing(out, io);
    const text =
      before === null
        ? { ok: true as const, value: policyYaml(scope.data, policies) }
        : withPolicies(before, scope.data, policies);
    if (!text.ok) return notJudged(io, [`${out} ${text.error}`]);
    await io.writeFile(out, text.value);
    const told = { out, scope: scope.data, policies: policies.length };
    io.out(json ? JSON.stringify(told) : `${policies.length} policies of ${scope.data} written to ${out}`);
    return exitCodes.well;
  },
};

/** Null where there is no such file yet. */
async function existing(path: string, { readFile }: Pick<CommandIo, "readFile">): Promise<string | null> {
  try {
    return await readFile(path);
  } catch {
    return null;
  }
}
