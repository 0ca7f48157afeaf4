// Forms and calls about pictures and sound.
import { readForm } from "../../../src/azure/call-form.ts";
import { type OperationName, operations } from "../../../src/azure/operation.ts";
import { readCall } from "../../../src/azure/read-call.ts";

export type Field = readonly [name: string, value: string | File];

export function formOf(fields: readonly Field[]): FormData {
  const form = new FormData();
  for (const [name, value] of fields) {
    if (typeof value === "string") form.append(name, value);
    else form.append(name, value, value.name);
  }
  return form;
}

export const picture = new File([Uint8Array.from([0x89, 0, 0xff])], "cat.png", { type: "image/png" });
export const sound = new File([Uint8Array.from([0xff, 0xfb])], "hello.mp3", { type: "audio/mpeg" });

export function readMediaForm(name: OperationName, fields: readonly Field[]) {
  const form = readForm(formOf(fields));
  return form.ok ? readCall(operations[name], form.value.fields, form.value.parts) : form;
}
