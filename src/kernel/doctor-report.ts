/** What the doctor answers: one finding a line, for people and programs. The control plane writes it, the command line reads it. */
import * as z from "zod";
import { Timestamp } from "./timestamp.ts";

/** From well to ill. */
export const Severity = z.enum(["ok", "note", "warning", "error"]);
export type Severity = z.infer<typeof Severity>;

export const Finding = z.object({
  check: z.string().meta({ description: "Stable, snake_case." }),
  severity: Severity,
  subject: z.string().nullable().meta({ description: "What it is about; null = the deployment as a whole." }),
  sentence: z.string(),
  remedy: z.string().nullable().meta({ description: "What to do; null = nothing." }),
});
export type Finding = z.infer<typeof Finding>;

export const DoctorReport = z.object({
  healthy: z.boolean().meta({ description: "No finding is an error." }),
  checkedAt: Timestamp,
  findings: z.array(Finding),
});
export type DoctorReport = z.infer<typeof DoctorReport>;
