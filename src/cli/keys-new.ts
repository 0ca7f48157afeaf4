/**
 * `portcullis keys new`: a fresh key for SIGNING_KEYS, as the set that the secrets store takes. It goes to standard output
 * and nowhere else, to be piped; what is said about it goes to standard error and holds no private half.
 */
import * as z from "zod";
import { SEED_BYTES, signingKeyOf } from "../capability/fresh-signing-key.ts";
import { importKeyRing, type KeyRing } from "../capability/key-ring.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { type Command, exitCodes } from "./command.ts";
import { parseArguments } from "./command-arguments.ts";

const KeySet = z.strictObject({ keys: z.array(z.record(z.string(), z.unknown())) });
type KeySet = z.infer<typeof KeySet>;

export const keysNew: Command = {
  words: ["keys", "new"],
  usage: "portcullis keys new [--append]",
  summary:
    "Make a signing key for the secret SIGNING_KEYS, for `wrangler secret put`. --append reads the set there is from standard input and adds to it.",

  async run(args, io) {
    const parsed = parseArguments({
      args: [...args],
      options: { append: { type: "boolean", default: false } },
    });
    // What was typed is not repeated: it may be a secret.
    if (!parsed.ok)
      return notMade(io, `There is an argument that this command does not have.\nUsage: ${keysNew.usage}`);
    const before = parsed.value.values.append
      ? await readSet(await io.readStandardInput())
      : ok({ keys: [] });
    if (!before.ok) return notMade(io, before.error);
    const all = { keys: [...before.value.keys, await signingKeyOf(io.random(SEED_BYTES))] };
    const ring = await readRing(JSON.stringify(all));
    const added = ring.ok ? ring.value.signers.at(-1) : undefined;
    if (added === undefined)
      return notMade(io, "The set holds as many keys as a gateway takes: remove old ones.");
    io.out(JSON.stringify(all));
    io.err(`The new key is ${added.keyId}.`);
    io.err(
      parsed.value.values.append
        ? "It verifies once the secret is set; promote it five minutes later: portcullis keys rotate."
        : "The set holds this key alone. To keep the ones there are, give them to --append.",
    );
    return exitCodes.well;
  },
};

/** By what the gateway itself will read it with, whose errors never quote a secret. */
async function readRing(text: string): Promise<Result<KeyRing, string>> {
  try {
    return ok(await importKeyRing(text));
  } catch (error) {
    return fail(error instanceof Error ? error.message : "They cannot be read.");
  }
}

async function readSet(text: string): Promise<Result<KeySet, string>> {
  const ring = await readRing(text);
  return ring.ok
    ? ok(KeySet.parse(JSON.parse(text)))
    : fail(`Standard input holds no set of signing keys. ${ring.error}`);
}

function notMade({ err }: { readonly err: (line: string) => void }, sentence: string): number {
  err(sentence);
  return exitCodes.notJudged;
}
