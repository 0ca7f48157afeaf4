/** `.local/portcullis.json`: how to reach the gateway that `npm start` runs. */
import { existsSync, readFileSync } from "node:fs";
import { chmod } from "node:fs/promises";
import * as z from "zod";
import { type StateFolder, writeSecretFile } from "./state-folder.ts";

export const Connection = z.strictObject({
  gatewayUrl: z.url(),
  /** Null when the backends are real ones. */
  simulatorUrl: z.url().nullable(),
  adminKey: z.string(),
  token: z.string(),
  tenantId: z.string(),
  agentId: z.string(),
});
export type Connection = z.infer<typeof Connection>;

export async function writeConnection(
  { connection: path }: StateFolder,
  connection: Connection,
): Promise<void> {
  await writeSecretFile(path, `${JSON.stringify(connection, null, 2)}\n`);
  await chmod(path, 0o600);
}

export const readConnection = ({ connection: path }: StateFolder): Connection | undefined =>
  existsSync(path) ? Connection.parse(JSON.parse(readFileSync(path, "utf8"))) : undefined;
