// Where a webhook may be, and that what it is sent verifies by the Standard Webhooks scheme, computed here by another library.
import { createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import { webhookMessage, webhookSecret } from "../../../src/approval/webhook-message.ts";
import { webhookUrlComplaint } from "../../../src/approval/webhook-url.ts";
import { AgentId, ApprovalId, TenantId } from "../../../src/kernel/ids.ts";

describe("the URL of a webhook", () => {
  it.each([
    "https://hooks.contoso.com/portcullis",
    "https://hooks.contoso.com:443/a?b=c",
    "https://a-b.c1.co/",
    "HTTPS://Hooks.Contoso.COM",
    "https://xn--bcher-kva.ch/",
    "https://bücher.ch/",
  ])("may be %s", (url) => {
    expect(webhookUrlComplaint(url, false)).toBeNull();
  });

  it.each([
    "http://hooks.contoso.com/",
    "http://169.254.169.254/latest/meta-data",
    "https://169.254.169.254/",
    "https://127.0.0.1/",
    "https://127.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0177.0.0.1/",
    "https://10.0.0.1/",
    "https://[::1]/",
    "https://[::ffff:169.254.169.254]/",
    "https://[fd00::1]/",
    "https://localhost/",
    "https://LOCALHOST/",
    "https://localhost./",
    "https://a.localhost/",
    "https://printer.local/",
    "https://metadata.google.internal/",
    "https://router.home.arpa/",
    "https://intranet/",
    "https://contoso.com./",
    "https://hooks.contoso.com:8443/",
    "https://hooks.contoso.com:80/",
    "https://user@hooks.contoso.com/",
    "https://user:password@hooks.contoso.com/",
    "https://hooks.contoso.com/#fragment",
    "https://1.2.3.4.5/",
    "https://a_b.contoso.com/",
    "https://-a.contoso.com/",
    "ftp://hooks.contoso.com/",
    "file:///etc/passwd",
    "data:text/plain,hello",
    "javascript:alert(1)",
    "hooks.contoso.com",
    "",
  ])("may not be %s", (url) => {
    expect(webhookUrlComplaint(url, false)).not.toBeNull();
  });

  it.each(["http://127.0.0.1:8080/a", "http://localhost:3000/", "https://[::1]:8443/"])(
    "may be %s only where the gateway runs locally",
    (url) => {
      expect(webhookUrlComplaint(url, true)).toBeNull();
      expect(webhookUrlComplaint(url, false)).not.toBeNull();
    },
  );

  it("leads to no other private place there either", () => {
    expect(webhookUrlComplaint("http://169.254.169.254/", true)).not.toBeNull();
    expect(webhookUrlComplaint("http://192.168.0.1/", true)).not.toBeNull();
  });
});

describe("what a webhook is sent", () => {
  const tenantId = TenantId.parse("tenant-a");
  const approval = {
    id: ApprovalId.parse(`approval_${"0".repeat(32)}`),
    tenantId,
    agentId: AgentId.parse(`agent_${"0".repeat(32)}`),
    action: "chat",
    resource: "api://azure-openai/models/gpt-4",
    classification: "internal",
    requestedAt: "2026-01-01T00:00:00.000Z",
    expiresAt: "2026-01-02T00:00:00.000Z",
  } as const;

  it("verifies with the secret that was told", async () => {
    const secret = await webhookSecret("the Worker's own secret", tenantId, "nonce");
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    const { headers, body } = await webhookMessage(approval, secret, 1_790_000_000_999);
    const key = Buffer.from(secret.slice("whsec_".length), "base64");
    const signed = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`;
    expect(headers).toEqual({
      "content-type": "application/json",
      "webhook-id": approval.id,
      "webhook-timestamp": "1790000000",
      "webhook-signature": `v1,${createHmac("sha256", key).update(signed).digest("base64")}`,
    });
    const { id: approvalId, requestedAt: timestamp, ...data } = approval;
    expect(JSON.parse(body)).toEqual({ type: "approval.pending", timestamp, data: { approvalId, ...data } });
  });

  it("is signed with another secret for each Worker, tenant and nonce", async () => {
    const secrets = await Promise.all([
      webhookSecret("one", tenantId, "a"),
      webhookSecret("two", tenantId, "a"),
      webhookSecret("one", TenantId.parse("tenant-b"), "a"),
      webhookSecret("one", tenantId, "b"),
    ]);
    expect(new Set(secrets).size).toBe(4);
  });
});
