/**
 * The form as Azure gets it: made anew of the caller's parts in their order, with the backend's own model name, and
 * nothing stored unless that is allowed; files keep their bytes, names and types. Nothing else of how the caller wrote it
 * is passed on.
 */
import { multipartPieces } from "../kernel/multipart.ts";
import type { Backend } from "./backend.ts";
import type { FormPart } from "./call-form.ts";

export interface ForwardedForm {
  readonly contentType: string;
  /** In a row; files among them are the bytes that came. */
  readonly pieces: readonly Uint8Array[];
}

/**
 * @param requestId minted after the caller had written the form, so that it cannot stand in it.
 * @param allowStore whether Azure may keep anything of it.
 */
export function forwardedForm(
  parts: readonly FormPart[],
  { azureDeployment }: Pick<Backend, "azureDeployment">,
  requestId: string,
  allowStore: boolean,
): ForwardedForm {
  const boundary = `portcullis-${requestId}`;
  const written: ReadonlyMap<string, string> = new Map([
    ["model", azureDeployment],
    ...(allowStore ? [] : [["store", "false"] as const]),
  ]);
  const sent = parts.map(({ name, field, value }) => ({ name, value: written.get(field) ?? value }));
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    pieces: multipartPieces(sent, boundary),
  };
}
