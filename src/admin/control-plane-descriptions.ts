/** Every operation of the control plane, as data. */
import { agentDescriptions } from "./agent-descriptions.ts";
import { apiKeyDescriptions } from "./api-key-descriptions.ts";
import { approvalDescriptions } from "./approval-descriptions.ts";
import { approvalWebhookDescriptions } from "./approval-webhook-descriptions.ts";
import { auditDescriptions } from "./audit-descriptions.ts";
import { decisionDescriptions } from "./decision-descriptions.ts";
import { deploymentCheckDescriptions } from "./deployment-check-descriptions.ts";
import { deploymentDescriptions } from "./deployment-descriptions.ts";
import { doctorDescriptions } from "./doctor-descriptions.ts";
import type { OperationDescription } from "./operation-description.ts";
import { policyDescriptions } from "./policy-descriptions.ts";
import { policyHistoryDescriptions } from "./policy-history-descriptions.ts";
import { policyShadowDescriptions } from "./policy-shadow-descriptions.ts";
import { policyValidationDescriptions } from "./policy-validation-descriptions.ts";
import { signingKeyDescriptions } from "./signing-key-descriptions.ts";
import { simulationDescriptions } from "./simulation-descriptions.ts";
import { tenantDescriptions } from "./tenant-descriptions.ts";
import { tokenDescriptions } from "./token-descriptions.ts";
import { tokenRevocationDescriptions } from "./token-revocation-descriptions.ts";
import { quotaDescriptions, usageDescriptions } from "./usage-descriptions.ts";

export const controlPlaneDescriptions: readonly OperationDescription[] = [
  agentDescriptions,
  tokenDescriptions,
  tokenRevocationDescriptions,
  policyDescriptions,
  policyHistoryDescriptions,
  policyShadowDescriptions,
  simulationDescriptions,
  policyValidationDescriptions,
  tenantDescriptions,
  deploymentDescriptions,
  deploymentCheckDescriptions,
  apiKeyDescriptions,
  signingKeyDescriptions,
  approvalDescriptions,
  approvalWebhookDescriptions,
  auditDescriptions,
  decisionDescriptions,
  usageDescriptions,
  quotaDescriptions,
  doctorDescriptions,
].flatMap((descriptions): readonly OperationDescription[] => Object.values(descriptions));
