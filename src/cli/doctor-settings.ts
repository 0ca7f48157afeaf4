/** The arguments and variables of `portcullis doctor`. What is wrong is told without repeating it: it may be a secret. */
import { fail, ok, type Result } from "../kernel/result.ts";
import { gatewayUrl } from "./gateway-settings.ts";

export interface DoctorSettings {
  readonly url: URL;
  readonly isJson: boolean;
}

export function readDoctorSettings(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Result<DoctorSettings, string> {
  let given = environment.PORTCULLIS;
  let isJson = false;
  for (let at = 0; at < args.length; at += 1) {
    const arg = args[at] ?? "";
    if (arg === "--json") isJson = true;
    else if (arg.startsWith("--url=")) given = arg.slice("--url=".length);
    else if (arg === "--url" && at + 1 < args.length) {
      at += 1;
      given = args[at];
    } else return fail("There is an argument that this command does not have, or one without its value.");
  }
  const url = gatewayUrl(given);
  return url.ok ? ok({ url: url.value, isJson }) : url;
}
