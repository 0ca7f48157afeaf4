/**
 * What an approval is for, as one digest: who asks, through which door, for what, and all that was sent. JSON spells any
 * two different lists differently, so nothing can be moved from one part into another; a file counts by the digest of its
 * bytes, its name and its type. Requests that mean the same and are
 * written differently (order of members) are different ones; white space between members makes no difference.
 */
import { sha256Hex, sha256HexOfBytes } from "../kernel/digest.ts";
import type { AgentId, TenantId } from "../kernel/ids.ts";
import type { JsonObject } from "../kernel/json.ts";
import type { MultipartFile } from "../kernel/multipart.ts";
import type { Classification } from "../policy/classification.ts";

export interface HashedRequest {
  readonly tenantId: TenantId;
  readonly agentId: AgentId;
  readonly surface: string;
  readonly action: string;
  readonly resource: string;
  /** Declared by the caller, else the agent's default. */
  readonly classification: Classification;
  /** The body as it was parsed, before anything is stripped; of /v1/enforce its `context`. */
  readonly sent: JsonObject;
  /** Whom the token names, which no body says; null = nobody. */
  readonly endUser: string | null;
  /** In their order. */
  readonly files: readonly HashedFile[];
}

export interface HashedFile {
  /** Of the field. */
  readonly name: string;
  readonly file: MultipartFile;
}

export async function requestHashOf(request: HashedRequest): Promise<string> {
  const { tenantId, agentId, surface, action, resource, classification, sent, endUser } = request;
  const files = await Promise.all(request.files.map(told));
  return sha256Hex(
    JSON.stringify([
      "approval/v1",
      tenantId,
      agentId,
      surface,
      action,
      resource,
      classification,
      sent,
      ...(files.length === 0 ? [] : [files]),
      ...(endUser === null ? [] : [endUser]),
    ]),
  );
}

const told = async ({ name, file }: HashedFile): Promise<readonly (string | null)[]> => [
  name,
  file.naming,
  file.contentType,
  // What comes over a wire is never shared memory.
  await sha256HexOfBytes(file.bytes as Uint8Array<ArrayBuffer>),
];
