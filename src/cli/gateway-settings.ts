/** Which gateway a command asks, and with which key. What is wrong is told without repeating it: it may be a secret. */
import { endpointEncrypted } from "../azure/endpoint-encryption.ts";
import { isApiKeyText } from "../capability/api-key.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import type { CommandIo } from "./command.ts";

export interface GatewaySettings {
  readonly url: URL;
  readonly key: string;
}

/** @param given by `--url`; else PORTCULLIS counts. */
export function gatewaySettings(
  given: string | undefined,
  environment: CommandIo["environment"],
): Result<GatewaySettings, string> {
  const url = gatewayUrl(given ?? environment.PORTCULLIS);
  if (!url.ok) return url;
  const key = gatewayKey(environment);
  return key.ok ? ok({ url: url.value, key: key.value }) : key;
}

export function gatewayUrl(given: string | undefined): Result<URL, string> {
  if (given === undefined || given === "") return fail("No URL: give --url, or set PORTCULLIS.");
  const url = URL.canParse(given) ? new URL(given) : null;
  return url === null || !mayHoldKey(url)
    ? fail("The URL must be https, or http on this machine, and carry no user or password.")
    : ok(url);
}

export function gatewayKey({ ADMIN_KEY: key = "" }: CommandIo["environment"]): Result<string, string> {
  return isApiKeyText(key)
    ? ok(key)
    : fail("ADMIN_KEY holds no API key: set it to one that starts with `pk_`.");
}

const mayHoldKey = (url: URL): boolean =>
  url.username === "" &&
  url.password === "" &&
  (url.protocol === "https:" || url.protocol === "http:") &&
  endpointEncrypted(url, true);
