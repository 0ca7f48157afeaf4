/** One event of the Responses stream; the dumps show `data:` lines alone, OpenAI adds `event:` lines. */
import { alphabeticalJson } from "./alphabetical-json.ts";

export function responseEvent(type: string, sequence: number, fields: object, hasEventLine: boolean): string {
  const data = alphabeticalJson({ ...fields, sequence_number: sequence, type });
  return `${hasEventLine ? `event: ${type}\n` : ""}data: ${data}\n\n`;
}
