"""The organization, its policy, plans, vaults, the role, and the jobs that AWS Backup ran."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from typing import Any, Optional

from expected import CENTRAL, GLOBAL, JOB_TYPES, JOB_TYPES_BY_SERVICE, ORGANIZATION, PASS, Findings, Json
from others import Others

MASTER = "999988887777"
ROLE = "aws-controltower-BackupRole"
LOCAL_VAULT = "aws-controltower-local-backupvault-a1b2c3d4e5"
CENTRAL_VAULT = f"arn:aws:backup:eu-central-1:{CENTRAL}:backup-vault:aws-controltower-central-backupvault"
POLICIES = {
    "backup": "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup",
    "s3": "arn:aws:iam::aws:policy/AWSBackupServiceRolePolicyForS3Backup",
}
HOUR = 3600


def effective_policy(regions: tuple[str, ...]) -> Json:
    """The company's plan, and a plan of AWS Control Tower, which makes no central copy.
    https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_backup_syntax.html
    https://docs.aws.amazon.com/controltower/latest/userguide/enable-backup.html"""
    role = f"arn:aws:iam::$account:role/{ROLE}"
    daily = {
        "schedule_expression": "cron(0 5 ? * * *)",
        "start_backup_window_minutes": "480",
        "complete_backup_window_minutes": "10080",
        "lifecycle": {"delete_after_days": "1"},
        "target_backup_vault_name": LOCAL_VAULT,
        "copy_actions": {
            CENTRAL_VAULT: {
                "target_backup_vault_arn": CENTRAL_VAULT,
                "lifecycle": {"delete_after_days": "35"},
            }
        },
    }
    hourly = {
        "schedule_expression": "cron(0 * ? * * *)",
        "lifecycle": {"delete_after_days": "14"},
        "target_backup_vault_name": LOCAL_VAULT,
    }
    control_tower = "aws-control-tower-backuphourly"
    return {
        "plans": {
            "company": {
                "regions": list(regions),
                "rules": {"daily": daily},
                "selections": {
                    "tags": {"enabled": {"iam_role_arn": role, "tag_key": "backup", "tag_value": ["enabled"]}}
                },
            },
            "aws-controltower-hourly-backup-plan": {
                "regions": list(regions),
                "rules": {"hourly": hourly},
                "selections": {
                    "tags": {
                        "hourly": {"iam_role_arn": role, "tag_key": control_tower, "tag_value": ["true"]}
                    }
                },
            },
        }
    }


class Backups(Others):
    def __init__(self, endpoint: str, account: str, now: Optional[float] = None) -> None:
        super().__init__(endpoint, account)
        self.now = time.time() if now is None else now
        self.jobs: defaultdict[tuple[str, str], list[Json]] = defaultdict(list)
        # The plans of the account, by region.
        self.plans: dict[str, str] = {}

    def organization(self, policy_regions: Optional[tuple[str, ...]]) -> None:
        """`None`: a member to which no backup policy applies."""
        self.fact("", "organization", {"Id": ORGANIZATION, "MasterAccountId": MASTER})
        if policy_regions is not None:
            content = effective_policy(policy_regions)
            self.fact("", "effective-policy", {"PolicyType": "BACKUP_POLICY", "PolicyContent": content})

    def itself(self, but: Findings) -> None:
        self.expect(f"backup-check:account:{self.account}", "account", "account", GLOBAL, None, but)

    def role(self, *policies: str, trusted: str = "backup.amazonaws.com") -> None:
        iam = self.client("iam", "us-east-1")
        trust = {"Effect": "Allow", "Principal": {"Service": trusted}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=document)
        for policy in policies:
            iam.attach_role_policy(RoleName=ROLE, PolicyArn=POLICIES[policy])

    def vault(
        self,
        region: str,
        key: Optional[str],
        but: Findings = {},
        shortest: Optional[int] = None,
        policy: Optional[list[Json]] = None,
    ) -> None:
        """The vault of the policy. `key`: None for `aws/backup`."""
        backup = self.client("backup", region)
        options: Json = {"EncryptionKeyArn": key} if key else {}
        vault = backup.create_backup_vault(BackupVaultName=LOCAL_VAULT, **options)
        if shortest:
            backup.put_backup_vault_lock_configuration(BackupVaultName=LOCAL_VAULT, MinRetentionDays=shortest)
        if policy:
            document = json.dumps({"Version": "2012-10-17", "Statement": policy})
            self.fact(region, "vault-policy", {"BackupVaultName": LOCAL_VAULT, "Policy": document})
        self.expect(vault["BackupVaultArn"], LOCAL_VAULT, "backup-vault", region, None, but)

    def plan(self, region: str, *selections: Json) -> None:
        """A backup plan of the account: daily, with a copy to the central vault."""
        rule = {
            "RuleName": "daily",
            "TargetBackupVaultName": LOCAL_VAULT,
            "ScheduleExpression": "cron(0 5 ? * * *)",
            "Lifecycle": {"DeleteAfterDays": 1},
            "CopyActions": [
                {"DestinationBackupVaultArn": CENTRAL_VAULT, "Lifecycle": {"DeleteAfterDays": 35}}
            ],
        }
        plan = self.client("backup", region).create_backup_plan(
            BackupPlan={"BackupPlanName": "own", "Rules": [rule]}
        )["BackupPlanId"]
        self.plans[region] = plan
        role = f"arn:aws:iam::{self.account}:role/{ROLE}"
        for selection in selections:
            ids = {"BackupPlanId": plan, "SelectionId": self.next_id("selection")}
            self.fact(region, "selection", {**ids, "IamRoleArn": role, **selection})

    # --- jobs, with the expected finding

    def backed_up(
        self,
        arn: str,
        finding: Optional[str],
        hours: float = 3,
        state: str = "COMPLETED",
        message: Optional[str] = None,
        **more: Any,
    ) -> str:
        """A backup job that started some hours ago. Returns its id."""
        resource, vault = self.resources[arn], LOCAL_VAULT
        job = self.job("BackupJobId", arn, hours, state, message)
        local = self.arn("backup", resource["region"], f"backup-vault:{vault}")
        job.update(BackupVaultName=vault, BackupVaultArn=local, PercentDone="100.0", BackupSizeInBytes=4096)
        self.jobs[resource["region"], "backup-job"].append({**job, **more})
        self.found(arn, "backup-recent", finding)
        return str(job["BackupJobId"])

    def copied(
        self,
        arn: str,
        finding: Optional[str],
        hours: float = 2,
        state: str = "COMPLETED",
        message: Optional[str] = None,
        to: str = CENTRAL_VAULT,
        **more: Any,
    ) -> str:
        resource = self.resources[arn]
        job = self.job("CopyJobId", arn, hours, state, message)
        local = self.arn("backup", resource["region"], f"backup-vault:{LOCAL_VAULT}")
        job.update(SourceBackupVaultArn=local, DestinationBackupVaultArn=to, BackupSizeInBytes=4096)
        self.jobs[resource["region"], "copy-job"].append({**job, **more})
        self.found(arn, "copy-recent", finding)
        return str(job["CopyJobId"])

    def found(self, arn: str, rule: str, finding: Optional[str]) -> None:
        """`None` for a resource that is not tagged `enabled`: no rule reads its jobs."""
        if finding:
            self.resources[arn]["findings"][rule] = finding

    def never_copied(self, arn: str, finding: str) -> None:
        self.found(arn, "copy-recent", finding)

    def proven(self, *arns: str) -> None:
        """Backed up three hours ago and copied two hours ago."""
        for arn in arns:
            self.backed_up(arn, PASS)
            self.copied(arn, PASS)

    def stack_proven(self, stack: str, *members: str) -> None:
        """A composite backup: a job for the stack, and a child job for each member.
        https://docs.aws.amazon.com/aws-backup/latest/devguide/applicationstackbackups.html"""
        parent = self.backed_up(stack, PASS, IsParent=True)
        copy = self.copied(stack, PASS, IsParent=True, NumberOfChildJobs=len(members))
        for member in members:
            self.backed_up(member, None, ParentJobId=parent)
            self.copied(member, None, ParentJobId=copy)

    def all_proven(self) -> None:
        """Every enabled resource without jobs."""
        for arn, resource in self.resources.items():
            if resource["backup_tag"] == "enabled" and resource["type"] in JOB_TYPES:
                if resource["findings"]["backup-recent"] != PASS:
                    self.proven(arn)

    def job(self, id_name: str, arn: str, hours: float, state: str, message: Optional[str]) -> Json:
        began = self.now - hours * HOUR
        job = {
            id_name: self.next_id("job").upper(),
            "AccountId": self.account,
            "ResourceArn": arn,
            "ResourceType": JOB_TYPES[self.resources[arn]["type"]] or JOB_TYPES_BY_SERVICE[arn.split(":")[2]],
            "CreationDate": began,
            "State": state,
            "IamRoleArn": f"arn:aws:iam::{self.account}:role/{ROLE}",
            "CreatedBy": self.creator(self.resources[arn]["region"]),
            "IsParent": False,
        }
        if state not in ("CREATED", "PENDING", "RUNNING"):
            job["CompletionDate"] = began + HOUR / 4
        if state == "COMPLETED":
            job["MessageCategory"] = "SUCCESS"
        return {**job, **({"StatusMessage": message} if message else {})}

    def creator(self, region: str) -> Json:
        """The plan of the account in the region, else that of the policy.
        https://docs.aws.amazon.com/aws-backup/latest/devguide/API_RecoveryPointCreator.html"""
        if region in self.plans:
            return {"BackupPlanId": self.plans[region], "BackupPlanName": "own", "BackupRuleName": "daily"}
        policy = "orgs/73d922fb-9312-3a70-99c3-e69367f9fdad"
        return {"BackupPlanId": policy, "BackupPlanName": "company", "BackupRuleName": "daily"}

    def finish(self) -> None:
        """Jobs are sent together, because there are many."""
        for (region, kind), jobs in self.jobs.items():
            self.fact(region, kind, *jobs)
