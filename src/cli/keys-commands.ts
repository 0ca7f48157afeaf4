/** `portcullis keys list`, `keys rotate` and `keys kill`: the states of a gateway's signing keys. */
import { KeyId } from "../capability/key-states.ts";
import type { Command } from "./command.ts";
import { parseArguments } from "./command-arguments.ts";
import { askAboutKeys, notJudged } from "./keys-command.ts";

const common = { url: { type: "string" }, json: { type: "boolean", default: false } } as const;
const READS = "Reads PORTCULLIS (the gateway's URL) and ADMIN_KEY.";

export const keysList: Command = {
  words: ["keys", "list"],
  usage: "portcullis keys list [--url <url>] [--json]",
  summary: `The keys that sign tokens: states, ends, and until when each one's tokens are accepted. ${READS}`,

  async run(args, io) {
    const parsed = parseArguments({ args: [...args], options: common });
    if (!parsed.ok) return notJudged(io, `${UNKNOWN}\nUsage: ${keysList.usage}`);
    const { url, json } = parsed.value.values;
    return askAboutKeys({ url, isJson: json, path: "/v1/keys/signing" }, io);
  },
};

export const keysRotate: Command = {
  words: ["keys", "rotate"],
  usage: "portcullis keys rotate [<key id>] [--force <reason>] [--url <url>] [--json]",
  summary: `Promote a published key; the one that signs is retired. --force does not wait for caches, and records why. ${READS}`,

  async run(args, io) {
    const { keyIds, others } = withoutKeyIds(args);
    const options = { ...common, force: { type: "string" } } as const;
    const parsed = parseArguments({ args: others, options });
    const usage = `Usage: ${keysRotate.usage}`;
    if (!parsed.ok || keyIds.length > 1) return notJudged(io, `${UNKNOWN}\n${usage}`);
    const { values } = parsed.value;
    const [keyId] = keyIds;
    const body = {
      ...(keyId === undefined ? {} : { keyId }),
      ...(values.force === undefined ? {} : { forceReason: values.force }),
    };
    const path = "/v1/keys/signing/rotate";
    return askAboutKeys({ url: values.url, isJson: values.json, method: "POST", path, body }, io);
  },
};

export const keysKill: Command = {
  words: ["keys", "kill"],
  usage: "portcullis keys kill <key id> --reason <reason> [--url <url>] [--json]",
  summary: `Withdraw a key at once and for good: once this is done, none of its tokens opens anything. ${READS}`,

  async run(args, io) {
    const { keyIds, others } = withoutKeyIds(args);
    const options = { ...common, reason: { type: "string" } } as const;
    const parsed = parseArguments({ args: others, options });
    const usage = `Usage: ${keysKill.usage}`;
    const [keyId, ...more] = keyIds;
    if (!parsed.ok || keyId === undefined || more.length > 0) return notJudged(io, `${UNKNOWN}\n${usage}`);
    const { values } = parsed.value;
    if (values.reason === undefined) return notJudged(io, `Say why with --reason: it is recorded.\n${usage}`);
    const path = `/v1/keys/signing/${keyId}/kill`;
    const body = { reason: values.reason };
    return askAboutKeys({ url: values.url, isJson: values.json, method: "POST", path, body }, io);
  },
};

/** One key id in sixty-four starts with a dash, and would be read as an option. */
function withoutKeyIds(args: readonly string[]) {
  const isKeyId = (arg: string) => KeyId.safeParse(arg).success;
  return { keyIds: args.filter(isKeyId), others: args.filter((arg) => !isKeyId(arg)) };
}

// What was typed is not repeated: it may be a secret.
const UNKNOWN =
  "There is an argument too many or too few, or one that this command does not have. Key ids are RFC 7638 thumbprints, as `portcullis keys list` shows them.";
