"""The expected findings: of tags, of a ready resource, and of resources that differ from it.

Written by a reader of the rules, never taken from output.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional

Json = dict[str, Any]
Findings = dict[str, str]

REGIONS = ("eu-central-1", "eu-west-1", "eu-west-3", "ap-southeast-1", "us-east-1")
CENTRAL = "692653576357"
THIRD = "444455556666"
ORGANIZATION = "o-a1b2c3d4e5"
# The region of the account in the report.
GLOBAL = "global"

PASS, FAIL, WARN, UNKNOWN, SKIP = "pass", "fail", "warn", "unknown", "skip"


@dataclass(frozen=True)
class Tag:
    state: str
    tags: tuple[tuple[str, str], ...]

    def listed(self, name: str) -> list[Json]:
        return [{"Key": key, "Value": value} for key, value in self.named(name).items()]

    def named(self, name: str) -> dict[str, str]:
        return {"Name": name, **dict(self.tags)}


ENABLED = Tag("enabled", (("backup", "enabled"),))
DISABLED = Tag("disabled", (("backup", "disabled"),))
CUSTOM = Tag("custom", (("backup", "custom"),))
NONE = Tag("none", ())
OTHERS = Tag("none", (("aws-control-tower-backupdaily", "true"), ("team", "payments")))
KEY_IN_CAPITALS = Tag("invalid", (("Backup", "enabled"),))
VALUE_IN_CAPITALS = Tag("invalid", (("backup", "Enabled"),))
TRAILING_BLANK = Tag("invalid", (("backup", "enabled "),))
TRUE = Tag("invalid", (("backup", "true"),))
EMPTY = Tag("invalid", (("backup", ""),))

TAGGING: dict[str, Findings] = {
    "enabled": {"backup-tag-valid": PASS, "backup-decision-made": PASS, "backup-tag-not-custom": PASS},
    "disabled": {"backup-tag-valid": PASS, "backup-decision-made": PASS, "backup-tag-not-custom": PASS},
    "custom": {"backup-tag-valid": PASS, "backup-decision-made": PASS, "backup-tag-not-custom": WARN},
    "none": {"backup-decision-made": WARN},
    "invalid": {"backup-tag-valid": FAIL},
}
TAGGING_RULES = {
    "backup-tag-valid",
    "backup-decision-made",
    "backup-tag-not-custom",
    "backup-tag-placed",
    "backup-not-duplicated",
}


def all_pass(*rules: str) -> Findings:
    return dict.fromkeys(rules, PASS)


KEY_RULES = ("kms-key-usable", "kms-key-locally-usable", "kms-key-not-central")
INHERITED = all_pass(
    "encryption-at-rest",
    "encryption-customer-key",
    "kms-key-shared",
    "kms-key-fully-shared",
    "cross-account-copy-supported",
    "resource-state-ready",
    *KEY_RULES,
)
DATABASE_CLUSTER = {**INHERITED, "rds-automated-backups-enabled": PASS, "backup-tag-placed": PASS}
MANAGED = all_pass("encryption-customer-key-recommended", "cross-account-copy-supported", *KEY_RULES)

# A Redshift warehouse inherits its key and cannot be copied: so its key need not be shared.
NOT_TO_BE_COPIED = {
    **all_pass("encryption-at-rest", "encryption-customer-key", "resource-state-ready", *KEY_RULES),
    "cross-account-copy-supported": FAIL,
}

# A resource that is ready, under a shared key of its own account.
READY: dict[str, Findings] = {
    "ebs-volume": INHERITED,
    "ec2-instance": {**INHERITED, "ec2-image-copyable": PASS},
    # moto's own windows are clear of the plan, which runs at 05:00.
    "rds-instance": {**INHERITED, "rds-automated-backups-enabled": PASS, "rds-windows-clear": PASS},
    "rds-cluster": DATABASE_CLUSTER,
    "aurora-cluster": DATABASE_CLUSTER,
    "documentdb-cluster": DATABASE_CLUSTER,
    "neptune-cluster": DATABASE_CLUSTER,
    "s3-bucket": {**MANAGED, "s3-versioning-enabled": PASS, "s3-old-versions-expire": PASS},
    "dynamodb-table": {
        **MANAGED,
        "dynamodb-advanced-features-enabled": PASS,
        "resource-state-ready": PASS,
    },
    "efs-file-system": {**MANAGED, "resource-state-ready": PASS},
    "storage-gateway-volume": INHERITED,
    "storage-gateway": all_pass("backup-tag-placed"),
    "redshift-cluster": NOT_TO_BE_COPIED,
    "redshift-namespace": NOT_TO_BE_COPIED,
    # AWS documents contradict each other on copies of stack backups to another account.
    "cloudformation-stack": {
        **all_pass("stack-resources-ready", "resource-state-ready"),
        "cross-account-copy-supported": WARN,
    },
    "secret": {"cross-account-copy-supported": FAIL},
    "ssm-parameter": {"cross-account-copy-supported": FAIL},
    # Its copy prerequisites are not checked, and a finding says so.
    "other": {"cross-account-copy-supported": WARN},
    # Encrypted with the central key: the platform team fixes it, not the member.
    "backup-vault": {},
    "region": all_pass("backup-policy-effective", "central-copy-retained", "local-vault-ready"),
    "account": all_pass("organization-member", "backup-role-ready", "backup-region-covered"),
}

# Resource types as in jobs of AWS Backup. Other types have no jobs.
# https://docs.aws.amazon.com/aws-backup/latest/devguide/API_BackupJob.html
JOB_TYPES = {
    "ebs-volume": "EBS",
    "ec2-instance": "EC2",
    "rds-instance": "RDS",
    "rds-cluster": "RDS",
    "aurora-cluster": "Aurora",
    "documentdb-cluster": "DocumentDB",
    "neptune-cluster": "Neptune",
    "s3-bucket": "S3",
    "dynamodb-table": "DynamoDB",
    "efs-file-system": "EFS",
    "storage-gateway-volume": "Storage Gateway",
    "redshift-cluster": "Redshift",
    "redshift-namespace": "Redshift Serverless",
    "cloudformation-stack": "CloudFormation",
    "other": "",
}
# For `other`, the ARN decides.
JOB_TYPES_BY_SERVICE = {"eks": "EKS", "fsx": "FSx"}
NO_BACKUP_YET = {"backup-recent": WARN}

# The account cannot change the policy of its key, so there is nothing to share or fix.
NO_OWN_KEY = {"kms-key-usable": SKIP, "kms-key-locally-usable": SKIP}
NO_CUSTOMER_KEY = {**NO_OWN_KEY, "kms-key-shared": SKIP, "kms-key-fully-shared": SKIP}

# Types whose backups inherit the key of the source. A gateway volume without a KMS key is encrypted with S3 managed
# keys, and its backup is not: https://docs.aws.amazon.com/storagegateway/latest/vgw/encryption.html
UNENCRYPTED = {**NO_CUSTOMER_KEY, "encryption-at-rest": FAIL, "encryption-customer-key": SKIP}
NO_VOLUMES = {**NO_CUSTOMER_KEY, "encryption-at-rest": SKIP, "encryption-customer-key": SKIP}
AWS_MANAGED_KEY = {**NO_CUSTOMER_KEY, "encryption-customer-key": FAIL}
NOT_SHARED = {"kms-key-shared": FAIL, "kms-key-fully-shared": WARN}
ONLY_REQUIRED_SHARED = {"kms-key-fully-shared": WARN}
SHARED_ON_A_CONDITION_UNKNOWN = {"kms-key-shared": UNKNOWN, "kms-key-fully-shared": UNKNOWN}
THIRD_ACCOUNTS_KEY = {**NO_OWN_KEY, "kms-key-shared": UNKNOWN, "kms-key-fully-shared": UNKNOWN}

# All types.
CENTRAL_KEY = {**NO_OWN_KEY, "kms-key-not-central": WARN}
KEY_NOT_USABLE = {"kms-key-usable": FAIL}
KEY_LOCALLY_CLOSED = {"kms-key-locally-usable": FAIL}
NOT_COPYABLE = {"cross-account-copy-supported": FAIL}
LASTING_STATE = {"resource-state-ready": FAIL}
PASSING_STATE = {"resource-state-ready": WARN}

# Types whose backups are encrypted with the key of the vault.
NO_CUSTOMER_KEY_RECOMMENDED = {**NO_OWN_KEY, "encryption-customer-key-recommended": WARN}
NO_ADVANCED_FEATURES = {"dynamodb-advanced-features-enabled": FAIL}
NOT_VERSIONED = {"s3-versioning-enabled": FAIL, "s3-old-versions-expire": SKIP}
VERSIONS_PILE_UP = {"s3-old-versions-expire": WARN}

# Oracle and SQL Server.
SHAREABLE = {"rds-option-group-shareable": PASS}
NOT_SHAREABLE = {"rds-option-group-shareable": FAIL}

# Members of a stack, which may have the tag too.
IN_STACK = {"backup-not-duplicated": PASS}
TWICE_IN_STACK = {"backup-not-duplicated": WARN}
MEMBER_NOT_READY = {"stack-resources-ready": FAIL}
MEMBER_UNKNOWN = {"stack-resources-ready": UNKNOWN}

# Gateways. File and tape gateways have no backups.
TAG_MISPLACED = {"backup-tag-placed": FAIL}
NO_VOLUME_GATEWAY = {**NOT_COPYABLE, "backup-tag-placed": SKIP}

# The account and its regions.
NOT_COVERED = {"backup-policy-effective": FAIL, "central-copy-retained": SKIP}
NO_VAULT = {"local-vault-ready": FAIL}
VAULT_KEY_SHARED = {"local-vault-key-shared": PASS}
VAULT_KEY_NOT_SHARED = {"local-vault-key-shared": WARN}
NO_ROLE = {"backup-role-ready": FAIL}
# Plans run, but AWS copies only within an organization.
NO_ORGANIZATION = {"organization-member": FAIL}
NO_CENTRAL_COPY = {"backup-policy-effective": FAIL}

# VPCs.
NO_WORKLOADS: Findings = {}
NO_ENDPOINT = {"s3-gateway-endpoint-present": FAIL}
ENDPOINT_READY = {
    "s3-gateway-endpoint-present": PASS,
    "s3-gateway-endpoint-routed": PASS,
    "s3-gateway-endpoint-open": PASS,
}


# Rules of the platform team, which are not gating for the member.
PLATFORM_RULES = {
    "organization-member",
    "backup-policy-effective",
    "central-copy-retained",
    "local-vault-ready",
    "local-vault-key-shared",
    "backup-role-ready",
}


def without_plan(resources: dict[str, Json]) -> None:
    """Where no plan runs, no schedule can meet a window, and no job is one of a plan that selects its resource."""
    regions = (r for r in resources.values() if r["type"] == "region")
    uncovered = {r["region"] for r in regions if "central-copy-retained" not in r["findings"]}
    for resource in resources.values():
        if resource["region"] in uncovered:
            findings = resource["findings"]
            findings.pop("rds-windows-clear", None)
            findings.pop("copy-recent", None)
            if "backup-recent" in findings:
                findings["backup-recent"] = WARN


def judge(resources: dict[str, Json]) -> None:
    """Verdicts and gating, as they follow from findings."""
    without_plan(resources)

    def regions_of(states: set[str], kinds: Optional[set[str]] = None) -> set[str]:
        found = (r for r in resources.values() if kinds is None or r["type"] in kinds)
        return {r["region"] for r in found if r["backup_tag"] in states}

    with_buckets = regions_of({"enabled"}, {"s3-bucket"})
    gating = regions_of({"enabled", "unknown"})
    for resource in resources.values():
        findings, tag = resource["findings"], resource["backup_tag"]
        worst = next((s for s in (FAIL, UNKNOWN, WARN) if s in findings.values()), PASS)
        verdicts = {FAIL: "not-ready", UNKNOWN: "unknown", WARN: "at-risk", PASS: "ready"}
        resource["verdict"] = "exempt" if tag in ("disabled", "custom") else verdicts[worst]
        all_gate = {
            "vpc": resource["region"] in with_buckets,
            "region": resource["region"] in gating,
            "account": True,
            "backup-vault": resource["region"] in gating,
        }.get(resource["type"], tag == "enabled")
        gate = TAGGING_RULES | (set(findings) - PLATFORM_RULES if all_gate else set())
        resource["gating"] = [rule for rule in findings if rule in gate]
