/** `portcullis receipt verify`: is this receipt genuine, and what does it state? */
import { receiptFaults, type VerifiedReceipt, verifyReceipt } from "../capability/verify-receipt.ts";
import type { Receipt } from "../residency/receipt.ts";
import { type Command, type CommandIo, exitCodes } from "./command.ts";
import { parseArguments } from "./command-arguments.ts";
import { printable } from "./printable.ts";
import { readKeySet } from "./read-key-set.ts";

const usage = "portcullis receipt verify <receipt | -> --jwks <url or file> [--json]";

export const receiptVerify: Command = {
  words: ["receipt", "verify"],
  usage,
  summary:
    "Verifies the value of a Portcullis-Receipt header (- reads it from standard input) and tells its facts.",
  async run(args, io) {
    const parsed = parseArguments({
      args: [...args],
      options: { jwks: { type: "string" }, json: { type: "boolean", default: false } },
      allowPositionals: true,
    });
    if (!parsed.ok) return notJudged(io, parsed.error);
    const { positionals, values } = parsed.value;
    const [given, ...more] = positionals;
    if (given === undefined || more.length > 0) return notJudged(io, "Name one receipt.");
    if (values.jwks === undefined) return notJudged(io, "Name the key set with --jwks.");

    const keys = await readKeySet(values.jwks, io);
    if (!keys.ok) return notJudged(io, keys.error);
    const text = given === "-" ? (await io.readStandardInput()).trim() : given;
    const verified = await verifyReceipt(text, keys.value);
    if (verified.ok) {
      for (const line of values.json ? [jsonOf(verified.value)] : linesOf(verified.value))
        io.out(printable(line));
      return exitCodes.well;
    }
    const message = receiptFaults[verified.error];
    if (values.json) io.out(JSON.stringify({ valid: false, fault: verified.error, message }));
    else io.err(`Not valid (${verified.error}): ${message}`);
    return exitCodes.ill;
  },
};

function notJudged({ err }: Pick<CommandIo, "err">, sentence: string): number {
  err(sentence);
  err(`Usage: ${usage}`);
  return exitCodes.notJudged;
}

const jsonOf = ({ receipt, keyId }: VerifiedReceipt): string =>
  JSON.stringify({ valid: true, keyId, receipt });

function linesOf({ receipt, keyId }: VerifiedReceipt): readonly string[] {
  const { iss, iat, decision, surface, tenant, home, backend, revisions } = receipt;
  const facts: readonly (readonly [name: string, fact: string])[] = [
    ["signed by", `${iss}, key ${keyId}`],
    ["decision", `${decision} (${surface})`],
    ["decided at", new Date(iat * 1_000).toISOString().replace(".000Z", "Z")],
    ["tenant", `${tenant}, home ${home}`],
    ["came in", placeText(receipt.place)],
    ["sent to", backend === null ? "nobody" : `${backend.id}, region ${backend.region}, sku ${backend.sku}`],
    ["revisions", `tenant ${revisions.tenant}, platform ${revisions.platform}`],
  ];
  return ["Valid.", ...facts.map(([name, fact]) => `${`${name}:`.padEnd(12)}${fact}`)];
}

function placeText({ country, continent, isEu, colo, tlsVersion }: Receipt["place"]): string {
  const told = (fact: string | null) => fact ?? "unknown";
  const membership = isEu === null ? "EU unknown" : isEu ? "in the EU" : "not in the EU";
  return [
    `country ${told(country)}`,
    `continent ${told(continent)}`,
    membership,
    `colo ${told(colo)}`,
    `TLS ${told(tlsVersion)}`,
  ].join(", ");
}
