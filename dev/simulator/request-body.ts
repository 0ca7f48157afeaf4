/**
 * A request's body as the simulator reads it: JSON, or a form, whose fields become members as the official packages mean
 * them (`image[]` is a list, `"true"` and `"2"` in a form are what they say).
 */
import { createHash } from "node:crypto";
import { wavSeconds } from "./wav-seconds.ts";

export interface RequestBody {
  /** Undefined where it is neither an object of JSON nor a form. */
  readonly fields: Record<string, unknown> | undefined;
  /** What the log keeps: of a form its parts in their order, of a file what tells it from others. */
  readonly logged: unknown;
  readonly isForm: boolean;
}

export interface UploadedFile {
  readonly filename: string;
  readonly type: string;
  readonly bytes: number;
  readonly sha256: string;
  /** Of uncompressed sound alone. */
  readonly seconds?: number;
}

export async function readRequestBody(bytes: ArrayBuffer, contentType: string): Promise<RequestBody> {
  if (contentType.startsWith("multipart/form-data")) return readForm(bytes, contentType);
  const text = new TextDecoder().decode(bytes);
  const value = parsedOrText(text);
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return {
    fields: isObject ? Object.fromEntries(Object.entries(value)) : undefined,
    logged: value,
    isForm: false,
  };
}

async function readForm(bytes: ArrayBuffer, contentType: string): Promise<RequestBody> {
  const form = await new Response(bytes, { headers: { "content-type": contentType } }).formData();
  const parts = await Promise.all(
    [...form].map(
      async ([name, value]): Promise<readonly [string, string | UploadedFile]> => [
        name,
        typeof value === "string" ? value : await uploaded(value),
      ],
    ),
  );
  const fields: Record<string, unknown> = {};
  for (const [name, value] of parts) {
    const list = name.endsWith("[]") ? name.slice(0, -2) : undefined;
    const one = typeof value === "string" ? told(name, value) : value;
    if (list === undefined) fields[name] = one;
    else fields[list] = [...(Array.isArray(fields[list]) ? fields[list] : []), one];
  }
  return { fields, logged: parts, isForm: true };
}

async function uploaded(file: File): Promise<UploadedFile> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const seconds = wavSeconds(bytes);
  const told = { filename: file.name, type: file.type, bytes: bytes.length, sha256 };
  return seconds === undefined ? told : { ...told, seconds };
}

const noTexts: ReadonlySet<string> = new Set(["n", "partial_images", "stream", "temperature"]);

function told(name: string, text: string): unknown {
  return noTexts.has(name) ? parsedOrText(text) : text;
}

function parsedOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
