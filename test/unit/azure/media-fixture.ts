// Forms and calls about pictures and sound.
import { readForm } from "../../../src/azure/call-form.ts";
import { type OperationName, operations } from "../../../src/azure/operation.ts";
import { readCall } from "../../../src/azure/read-call.ts";
import type { MultipartFile, MultipartPart } from "../../../src/kernel/multipart.ts";

export type Field = readonly [name: string, value: string | MultipartFile];

export const formOf = (fields: readonly Field[]): readonly MultipartPart[] =>
  fields.map(([name, value]) => ({ name, value }));

export const picture: MultipartFile = {
  naming: 'filename="cat.png"',
  contentType: "image/png",
  bytes: Uint8Array.from([0x89, 0, 0xff]),
};
export const sound: MultipartFile = {
  naming: 'filename="hello.mp3"',
  contentType: "audio/mpeg",
  bytes: Uint8Array.from([0xff, 0xfb]),
};

export function readMediaForm(name: OperationName, fields: readonly Field[]) {
  const form = readForm(formOf(fields));
  return form.ok ? readCall(operations[name], form.value.fields, form.value.parts) : form;
}
