/** The arguments and variables of `portcullis doctor`. What is wrong is told without repeating it: it may be a secret. */
import { endpointEncrypted } from "../azure/endpoint-encryption.ts";
import { fail, ok, type Result } from "../kernel/result.ts";

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
  if (given === undefined || given === "") return fail("No URL: give --url, or set PORTCULLIS.");
  const url = URL.canParse(given) ? new URL(given) : null;
  if (url === null || !mayHoldKey(url)) {
    return fail("The URL must be https, or http on this machine, and carry no user or password.");
  }
  return ok({ url, isJson });
}

const mayHoldKey = (url: URL): boolean =>
  url.username === "" &&
  url.password === "" &&
  (url.protocol === "https:" || url.protocol === "http:") &&
  endpointEncrypted(url, true);
