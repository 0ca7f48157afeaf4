/** What `portcullis keys list`, `rotate` and `kill` have in common: one request, and the signing keys as they stand. */
import { SigningKeySet, type SigningKeyView } from "../capability/signing-key-view.ts";
import { type CommandIo, exitCodes } from "./command.ts";
import { askGateway, type GatewayAnswer, type GatewayRequest } from "./gateway-answer.ts";
import { gatewaySettings } from "./gateway-settings.ts";
import { printable } from "./printable.ts";

export interface KeysQuestion extends GatewayRequest {
  /** As `--url` gave it. */
  readonly url: string | undefined;
  readonly isJson: boolean;
}

/** @returns the exit code: 1 where the gateway would not do it. */
export async function askAboutKeys(
  { url, isJson, ...request }: KeysQuestion,
  io: CommandIo,
): Promise<number> {
  const settings = gatewaySettings(url, io.environment);
  if (!settings.ok) return notJudged(io, settings.error);
  const { origin } = settings.value.url;
  const answer = await askGateway(settings.value, request, io);
  if (answer === null) {
    const doubt =
      request.method === "POST" ? " It may have been done all the same: `portcullis keys list` tells." : "";
    return notJudged(io, `${origin} cannot be reached, or did not answer in time.${doubt}`);
  }
  // A write's answer has its revision beside the keys.
  const keys = answer.status === 200 ? SigningKeySet.loose().safeParse(answer.body) : null;
  if (!keys?.success) {
    io.err(printable(`${origin}: ${refusalIn(answer)}`));
    return answer.status === 404 || answer.status === 409 || answer.status === 412
      ? exitCodes.ill
      : exitCodes.notJudged;
  }
  for (const line of isJson ? [JSON.stringify(answer.body, null, 2)] : linesOf(keys.data))
    io.out(isJson ? line : printable(line));
  return exitCodes.well;
}

/** The gateway's own sentence, where it is one. */
function refusalIn({ status, body }: GatewayAnswer): string {
  const { detail, code } = typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {}; // Looked at member by member.
  return typeof detail === "string" && typeof code === "string"
    ? `${detail} (${code})`
    : `status ${status}, which is no answer of a gateway that knows signing keys.`;
}

const linesOf = ({ signingKeyId, keys }: Pick<SigningKeySet, "signingKeyId" | "keys">): readonly string[] => [
  ...keys.map((key) => lineOf(key, signingKeyId)),
  signingKeyId === null ? "No key signs: no token can be issued." : `${signingKeyId} signs.`,
];

function lineOf(key: SigningKeyView, signingKeyId: string | null): string {
  const facts = [
    key.keyId === signingKeyId ? "signs" : null,
    key.inSecret ? null : "not in the secret",
    key.endsAt && `ends ${key.endsAt}`,
    key.promotableAt && key.keyId !== signingKeyId && `can be promoted from ${key.promotableAt}`,
    key.verifiesUntil && `its tokens are accepted until ${key.verifiesUntil}`,
    key.reason && `reason: ${key.reason}`,
  ].filter((fact) => typeof fact === "string");
  return `${key.state.padEnd(9)} ${key.keyId}  ${facts.join("; ")}`;
}

export function notJudged({ err }: Pick<CommandIo, "err">, sentence: string): number {
  err(sentence);
  return exitCodes.notJudged;
}
