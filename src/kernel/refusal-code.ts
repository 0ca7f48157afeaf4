/** The code of a refusal as a schema, told once with all codes there are. */
import * as z from "zod";
import { refusalCodes, refusalTable } from "./refusal.ts";

export const RefusalCodeSchema = z.enum(refusalCodes).meta({
  id: "RefusalCode",
  description: [
    "Why not. Codes are stable; sentences may change.\n",
    "| code | status | retry | sentence |",
    "|---|---|---|---|",
    ...Object.entries(refusalTable).map(
      ([name, { status, sentence, retry }]) =>
        `| \`${name}\` | ${status} | ${retry ? "yes" : "no"} | ${sentence} |`,
    ),
  ].join("\n"),
});
