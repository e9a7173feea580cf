"""AWS Backup: settings, the fields of vaults that moto omits, selections, jobs.

Facts of a region:
    backup-settings   a result of DescribeRegionSettings; the last one holds
    vault-policy      BackupVaultName, Policy (text)
    selection         a BackupSelection, with BackupPlanId and SelectionId
    backup-job        a BackupJob, times in seconds since 1970
    copy-job          a CopyJob, likewise
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any, Optional

from facts import Facts
from fixes import Answer, instead_of, key_arn, patch_of
from moto.backends import get_backend
from moto.kms.utils import RESERVED_ALIASES
from wire import Call, Params, Reply

# GetSupportedResourceTypes; all types are on by default.
# https://docs.aws.amazon.com/aws-backup/latest/devguide/API_DescribeRegionSettings.html
# The newer names are those of Terraform's acceptance tests (internal/service/backup/region_settings_test.go).
TYPES = (
    "Aurora,CloudFormation,DSQL,DocumentDB,DynamoDB,EBS,EC2,EFS,EKS,FSx,Neptune,RDS,Redshift,"
    "Redshift Serverless,S3,SAP HANA on Amazon EC2,Storage Gateway,Timestream,VirtualMachine"
).split(",")
DEFAULTS = {
    "ResourceTypeOptInPreference": {name: True for name in TYPES},
    "ResourceTypeManagementPreference": {"DynamoDB": True, "EFS": True},
}

# AWS creates an AWS managed key on first use. moto does not know this one.
RESERVED_ALIASES.append("alias/aws/backup")


@instead_of("backup", "DescribeRegionSettings")
def region_settings(call: Call, facts: Facts) -> Answer:
    """Not in moto. https://docs.aws.amazon.com/aws-backup/latest/devguide/API_DescribeRegionSettings.html"""
    return (facts.of(call, "backup-settings") or [DEFAULTS])[-1]


@patch_of("backup", "ListBackupVaults")
@patch_of("backup", "DescribeBackupVault")
def vaults(call: Call, result: Params) -> None:
    """Every vault has a key, `aws/backup` by default, and a type.
    https://docs.aws.amazon.com/aws-backup/latest/devguide/API_BackupVaultListMember.html"""
    for vault in result.get("BackupVaultList", [result]):
        key = vault.get("EncryptionKeyArn") or "alias/aws/backup"
        vault["EncryptionKeyArn"] = key_arn(key, call.account, call.region)
        vault.update(VaultType="BACKUP_VAULT", VaultState="AVAILABLE")


@instead_of("backup", "GetBackupVaultAccessPolicy")
def vault_policy(call: Call, facts: Facts) -> Answer:
    """Not in moto. https://docs.aws.amazon.com/aws-backup/latest/devguide/API_GetBackupVaultAccessPolicy.html"""
    name = call.params["BackupVaultName"]
    vault = get_backend("backup")[call.account][call.region].vaults.get(name)
    for policy in facts.of(call, "vault-policy"):
        if vault and policy["BackupVaultName"] == name:
            return {**policy, "BackupVaultArn": vault.backup_vault_arn}
    return call.error("ResourceNotFoundException", f"Backup vault policy of {name} was not found.")


@instead_of("backup", "ListBackupSelections")
def selections(call: Call, facts: Facts) -> Answer:
    """Not in moto. https://docs.aws.amazon.com/aws-backup/latest/devguide/API_ListBackupSelections.html"""
    plan = call.params["BackupPlanId"]
    if plan not in get_backend("backup")[call.account][call.region].plans:
        return no_plan(call)
    names = ("SelectionId", "SelectionName", "BackupPlanId", "IamRoleArn")
    found = [it for it in facts.of(call, "selection") if it["BackupPlanId"] == plan]
    return {"BackupSelectionsList": [{name: it[name] for name in names} for it in found]}


@instead_of("backup", "GetBackupSelection")
def selection(call: Call, facts: Facts) -> Answer:
    """Not in moto. https://docs.aws.amazon.com/aws-backup/latest/devguide/API_GetBackupSelection.html"""
    ids = {name: call.params[name] for name in ("BackupPlanId", "SelectionId")}
    for it in facts.of(call, "selection"):
        if ids.items() <= it.items():
            return {**ids, "BackupSelection": {name: it[name] for name in it if name not in ids}}
    return no_plan(call)


def no_plan(call: Call) -> Reply:
    return call.error("ResourceNotFoundException", "Failed reading Backup plan with provided version")


# A filter, and the member that it compares: equal, or for a time within a bound.
FILTERS = {
    "ByResourceArn": "ResourceArn",
    "ByState": "State",
    "ByBackupVaultName": "BackupVaultName",
    "ByResourceType": "ResourceType",
    "ByParentJobId": "ParentJobId",
    "ByMessageCategory": "MessageCategory",
    "ByDestinationVaultArn": "DestinationBackupVaultArn",
    "BySourceRecoveryPointArn": "SourceRecoveryPointArn",
}
BOUNDS = {"Created": "CreationDate", "Complete": "CompletionDate"}


@instead_of("backup", "ListBackupJobs")
def backup_jobs(call: Call, facts: Facts) -> Answer:
    """Not in moto. https://docs.aws.amazon.com/aws-backup/latest/devguide/API_ListBackupJobs.html"""
    return {"BackupJobs": jobs(call, facts.of(call, "backup-job"))}


@instead_of("backup", "ListCopyJobs")
def copy_jobs(call: Call, facts: Facts) -> Answer:
    """Not in moto. https://docs.aws.amazon.com/aws-backup/latest/devguide/API_ListCopyJobs.html"""
    return {"CopyJobs": jobs(call, facts.of(call, "copy-job"))}


def jobs(call: Call, facts: list[Params]) -> list[Params]:
    """Jobs of the last 30 days that pass the filters, newest first."""
    found = [with_times(job) for job in facts]
    oldest = datetime.now(timezone.utc) - timedelta(days=30)
    found = [job for job in found if job["CreationDate"] >= oldest and passes(job, call.params)]
    return sorted(found, key=lambda job: job["CreationDate"], reverse=True)


def with_times(job: Params) -> Params:
    dates = [name for name in job if name.endswith("Date")]
    return {**job, **{name: datetime.fromtimestamp(job[name], timezone.utc) for name in dates}}


def passes(job: Params, params: Params) -> bool:
    for name, member in FILTERS.items():
        if name in params and job.get(member) != params[name]:
            return False
    if params.get("ByAccountId", "*") not in ("*", job["AccountId"]):
        return False
    for name, member in BOUNDS.items():
        date: Any = job.get(member)
        after, before = (moment(params.get(f"By{name}{side}")) for side in ("After", "Before"))
        if (after and not (date and date >= after)) or (before and not (date and date <= before)):
            return False
    return True


def moment(value: Optional[datetime]) -> Optional[datetime]:
    """A time of a request, which moto reads as UTC and without a zone."""
    return value and value.replace(tzinfo=timezone.utc)
