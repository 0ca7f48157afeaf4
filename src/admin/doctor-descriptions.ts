/** What the operation of `/v1/doctor` answers. */

import * as z from "zod";
import { DoctorReport, Finding } from "../kernel/doctor-report.ts";
import { described, NoBody, NoQuery } from "./operation-description.ts";

const Report = DoctorReport.extend({ findings: z.array(Finding.meta({ id: "Finding" })) });

export const doctorDescriptions = {
  examine: described({
    method: "GET",
    path: "/doctor",
    operationId: "examineDeployment",
    summary:
      "Look for what is missing, contradictory or near its end. Needs the scope `tenants:read` as well.",
    scope: "deployments:read",
    platformOnly: true,
    query: NoQuery,
    body: NoBody,
    answer: { status: 200, schema: Report.meta({ id: "DoctorReport" }) },
  }),
};
