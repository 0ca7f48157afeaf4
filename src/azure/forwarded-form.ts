/**
 * The form as Azure gets it: made anew of the caller's parts in their order, with the backend's own model name; files
 * keep their bytes, names and types. Nothing of how the caller wrote it is passed on.
 */
import type { Backend } from "./backend.ts";
import type { FormPart } from "./call-form.ts";

export function forwardedForm(
  parts: readonly FormPart[],
  { azureDeployment }: Pick<Backend, "azureDeployment">,
): FormData {
  const form = new FormData();
  for (const { name, field, value } of parts) {
    if (field === "model") form.append(name, azureDeployment);
    else if (typeof value === "string") form.append(name, value);
    else form.append(name, value, value.name);
  }
  return form;
}
