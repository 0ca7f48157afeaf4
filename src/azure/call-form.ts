/**
 * A form as a request to Azure: its parts in their order, to be sent on, and the same as the members of a JSON body would
 * be, to be judged. A field that stands twice says two things and is refused; a list's name ends in `[]`, and names with
 * `[name]` are members of one object, as the official packages write them.
 */
import { isJsonObject, type JsonObject } from "../kernel/json.ts";
import { MAX_BODY_BYTES } from "../kernel/limits.ts";
import type { MultipartFile, MultipartPart } from "../kernel/multipart.ts";
import { refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { numericParameters } from "./numeric-parameters.ts";

export interface FormPart {
  /** As it was sent. */
  readonly name: string;
  /** Without what follows in brackets. */
  readonly field: string;
  readonly value: string | MultipartFile;
}

export interface CallForm {
  readonly parts: readonly FormPart[];
  /** Of a file, null. */
  readonly fields: JsonObject;
}

const fieldName = /^([\w.-]{1,64})((?:\[[\w.-]{0,64}\]){0,4})$/;
const numbers: ReadonlySet<string> = new Set(numericParameters);
const switches: ReadonlySet<string> = new Set(["store", "stream"]);

/** Written in one way only, whoever reads it. */
const plainNumber = /^-?(?:0|[1-9]\d{0,14})(?:\.\d{1,15})?$/;

export function readForm(form: readonly MultipartPart[]): Result<CallForm> {
  const parts: FormPart[] = [];
  const fields = new Map<string, unknown>();
  let characters = 0;
  for (const { name, value } of form) {
    const [, field, brackets] = fieldName.exec(name) ?? [];
    if (field === undefined || brackets === undefined)
      return invalid(undefined, "A field of the form has a name that no parameter has.");
    parts.push({ name, field, value });
    characters += typeof value === "string" ? value.length : 0;
    const told = typeof value === "string" ? typed(field, value) : ok(null);
    if (!told.ok) return told;
    const joined = joinedWith(fields.get(field), fields.has(field), brackets, told.value);
    if (joined === undefined) return invalid(field, `\`${field}\` is given twice.`);
    fields.set(field, joined);
  }
  if (characters > MAX_BODY_BYTES) {
    const message = `The texts of the form are longer than ${MAX_BODY_BYTES} characters.`;
    return fail(refuse("body_too_large", { message }));
  }
  return ok({ parts, fields: Object.fromEntries(fields) });
}

/** What a text stands for where the gateway reads it; anything else stays a text. */
function typed(field: string, text: string): Result<unknown> {
  if (numbers.has(field))
    return plainNumber.test(text) ? ok(Number(text)) : invalid(field, `\`${field}\` must be a number.`);
  if (!switches.has(field)) return ok(text);
  return text === "true" || text === "false"
    ? ok(text === "true")
    : invalid(field, `\`${field}\` must be true or false.`);
}

/** Undefined where the field stands there already, in this spelling or another. */
function joinedWith(before: unknown, isKnown: boolean, brackets: string, value: unknown): unknown {
  if (brackets === "") return isKnown ? undefined : value;
  if (brackets === "[]") {
    if (!isKnown) return [value];
    return Array.isArray(before) ? [...before, value] : undefined;
  }
  if (!isKnown) return { [brackets]: value };
  const isObject = typeof before === "object" && before !== null && !Array.isArray(before);
  if (!isObject) return undefined;
  const list = Object.hasOwn(before, brackets);
  return list ? undefined : { ...before, [brackets]: value };
}

/** Where the fields of a form have what each of its parts says; asked in their order. */
export function memberOfPart(fields: JsonObject): (part: FormPart) => unknown {
  const next = new Map<string, number>();
  return ({ name, field }) => {
    const member = fields[field];
    if (Array.isArray(member)) {
      const index = next.get(field) ?? 0;
      next.set(field, index + 1);
      return member[index];
    }
    return isJsonObject(member) ? member[name.slice(field.length)] : member;
  };
}

const invalid = (field: string | undefined, message: string): Result<never> =>
  fail(refuse("body_invalid", field === undefined ? { message } : { field, message }));
