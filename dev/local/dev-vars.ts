/** `.dev.vars`, the Worker's local secrets: made once, completed when something is missing, never changed. */
import { existsSync, readFileSync } from "node:fs";
import { chmod } from "node:fs/promises";
import { parseEnv } from "node:util";
import { freshEntraKeys, freshSecret } from "./fresh-secret.ts";
import { writeSecretFile } from "./state-folder.ts";

export const SIMULATOR_KEY = "simulator-key";

const makers: Readonly<Record<string, () => string>> = {
  SIGNING_KEYS: () => freshSecret("SIGNING_KEYS"),
  RECEIPT_KEYS: () => freshSecret("RECEIPT_KEYS"),
  LEDGER_NAME_SECRET: () => freshSecret("LEDGER_NAME_SECRET"),
  END_USER_SALT: () => freshSecret("END_USER_SALT"),
  ENTRA_KEYS: freshEntraKeys,
  WEBHOOK_SECRET: () => freshSecret("WEBHOOK_SECRET"),
  AZURE_OPENAI_API_KEY: () => process.env.AZURE_OPENAI_API_KEY || SIMULATOR_KEY,
};

const readText = (path: string): string => (existsSync(path) ? readFileSync(path, "utf8") : "");

export const readDevVars = (path: string): NodeJS.Dict<string> => parseEnv(readText(path));

/** Answers the names that were added. */
export async function completeDevVars(path: string): Promise<readonly string[]> {
  const text = readText(path);
  const present = parseEnv(text);
  const missing = Object.entries(makers).filter(([name]) => !present[name]);
  if (missing.length > 0) {
    // Single quotes: JSON holds double ones, and none of the values holds a single one.
    const added = missing.map(([name, make]) => `${name}='${make()}'\n`).join("");
    await writeSecretFile(path, text === "" || text.endsWith("\n") ? text + added : `${text}\n${added}`);
  }
  await chmod(path, 0o600);
  return missing.map(([name]) => name);
}
