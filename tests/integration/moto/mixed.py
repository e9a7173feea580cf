"""The variant `mixed`: a ready resource of each type, and one for each way to be not ready."""

from __future__ import annotations

import json
from typing import Optional

from backups import Backups
from expected import (
    AWS_MANAGED_KEY,
    CENTRAL_KEY,
    CUSTOM,
    DISABLED,
    EMPTY,
    ENABLED,
    ENDPOINT_READY,
    FAIL,
    IN_STACK,
    KEY_IN_CAPITALS,
    KEY_LOCALLY_CLOSED,
    KEY_NOT_USABLE,
    LASTING_STATE,
    MEMBER_NOT_READY,
    MEMBER_UNKNOWN,
    NONE,
    NOT_COPYABLE,
    NOT_COVERED,
    NOT_SHAREABLE,
    NOT_SHARED,
    NOT_VERSIONED,
    NO_ADVANCED_FEATURES,
    NO_CUSTOMER_KEY_RECOMMENDED,
    NO_ENDPOINT,
    NO_OWN_KEY,
    NO_ROLE,
    NO_VAULT,
    NO_VOLUMES,
    NO_VOLUME_GATEWAY,
    NO_WORKLOADS,
    ONLY_REQUIRED_SHARED,
    OTHERS,
    PASS,
    PASSING_STATE,
    SHAREABLE,
    SHARED_ON_A_CONDITION_UNKNOWN,
    SKIP,
    TAG_MISPLACED,
    THIRD,
    THIRD_ACCOUNTS_KEY,
    TRAILING_BLANK,
    TRUE,
    TWICE_IN_STACK,
    UNENCRYPTED,
    VALUE_IN_CAPITALS,
    VAULT_KEY_NOT_SHARED,
    VAULT_KEY_SHARED,
    VERSIONS_PILE_UP,
    WARN,
    Findings,
)
from others import Member
from policies import allow
from workloads import Disk


def mixed(a: Backups, central: Backups, third: Backups) -> None:
    # The policy leaves eu-west-3 out, where there are enabled resources.
    a.organization(("eu-central-1", "eu-west-1", "ap-southeast-1", "us-east-1"))
    # There are enabled buckets that the role is not allowed to back up.
    a.role("backup")
    a.itself({**NO_ROLE, "backup-region-covered": FAIL})
    eu_central_1(a, central, third)
    further_services(a, central)
    stacks(a)
    jobs(a)
    eu_west_1(a)
    eu_west_3(a, central)
    ap_southeast_1(a)
    us_east_1(a, central)
    # Outside the regions of the guide: not scanned, and not in the report.
    a.bucket("eu-north-1", "elsewhere", ENABLED, None)
    a.other("ec2", "eu-west-2", "volume/vol-0e15e3e4e5e6e7e8e", ENABLED)


def eu_central_1(a: Backups, central: Backups, third: Backups) -> None:
    """All types in use and all settings correct; the key policies."""
    r = "eu-central-1"
    shared = a.key(r)
    a.region(r, shared, None, {"ebs-default-encryption": PASS, "service-opted-in": PASS, **VAULT_KEY_SHARED})
    a.vault(r, shared, {"kms-key-usable": PASS})

    # Workloads in a public subnet of the default VPC, and no endpoint.
    _, default_subnets, _ = a.default_vpc(r, NO_ENDPOINT)

    # Private subnet with its own table, the endpoint on it; a NAT gateway is not a workload.
    app = a.vpc(r, "10.1.0.0/16", ENDPOINT_READY)
    private, public = a.subnet(r, app, "10.1.1.0/24"), a.subnet(r, app, "10.1.2.0/24")
    a.gateway(r, app, [a.table_of(r, app, private)])
    a.internet(r, app, a.table_of(r, app, public))
    a.client("ec2", r).create_nat_gateway(SubnetId=public)

    # The endpoint is on another subnet's table; the workload's subnet uses the main one.
    lost = a.vpc(r, "10.2.0.0/16", {**ENDPOINT_READY, "s3-gateway-endpoint-routed": FAIL})
    unrouted = a.subnet(r, lost, "10.2.1.0/24")
    a.gateway(r, lost, [a.table_of(r, lost, a.subnet(r, lost, "10.2.2.0/24"))])

    # The endpoint is on the main table, which the subnet uses without an association.
    strict = a.vpc(r, "10.3.0.0/16", {**ENDPOINT_READY, "s3-gateway-endpoint-open": WARN})
    implicit = a.subnet(r, strict, "10.3.1.0/24")
    get_only = {"Version": "2012-10-17", "Statement": [allow("*", "s3:GetObject")]}
    a.gateway(r, strict, [a.main_table(r, strict)], PolicyDocument=json.dumps(get_only))

    disk: Disk = (NONE, shared, {})
    a.instance(r, "web", private, ENABLED, [disk, disk])
    a.instance(r, "web-twice", private, ENABLED, [(ENABLED, shared, {}), disk])
    a.instance(r, "batch", unrouted, ENABLED, [disk, (NONE, None, UNENCRYPTED)], {"encryption-at-rest": FAIL})
    a.instance(r, "jump", implicit, ENABLED, [(NONE, "alias/aws/ebs", AWS_MANAGED_KEY)], AWS_MANAGED_KEY)
    not_shared = a.key(r, "not shared")
    a.instance(r, "legacy", default_subnets[0], ENABLED, [disk, (NONE, not_shared, NOT_SHARED)], NOT_SHARED)
    firewall = a.instance(r, "firewall", private, ENABLED, [disk], {"ec2-image-copyable": FAIL})
    code = {"ProductCodeId": "8tr5m3p4e2uexample", "ProductCodeType": "marketplace"}
    a.override("DescribeInstances", {"InstanceId": firewall}, {"ProductCodes": [code]})
    cache = a.instance(r, "cache", private, ENABLED, [], {**NO_VOLUMES, **NOT_COPYABLE})
    a.override("DescribeInstances", {"InstanceId": cache}, {"RootDeviceType": "instance-store"})
    stopped = a.instance(r, "stopped", private, DISABLED, [(DISABLED, None, {})])
    a.client("ec2", r).stop_instances(InstanceIds=[stopped])
    # Not in the report: it is being deleted.
    gone = a.client("ec2", r).run_instances(
        ImageId="ami-0123456789abcdef0", MinCount=1, MaxCount=1, SubnetId=private
    )
    a.client("ec2", r).terminate_instances(InstanceIds=[gone["Instances"][0]["InstanceId"]])

    a.volume(r, "guide", ENABLED, shared)
    a.volume(r, "service-role", ENABLED, a.key(r, "shared with the service role"))
    a.volume(r, "account-id", ENABLED, a.key(r, "shared by account id"))
    a.volume(r, "via-ec2", ENABLED, a.key(r, "shared for ec2"))
    a.volume(r, "required-only", ENABLED, a.key(r, "shared for the required actions"), ONLY_REQUIRED_SHARED)
    a.volume(r, "not-shared", ENABLED, not_shared, NOT_SHARED)
    # ListGrants and RevokeGrant match the condition; Encrypt and similar operations do not.
    a.volume(r, "grants-only", ENABLED, a.key(r, "use only for grants"), NOT_SHARED)
    a.volume(r, "organization", ENABLED, a.key(r, "shared with the organization"))
    a.volume(r, "other-organization", ENABLED, a.key(r, "shared with another organization"), NOT_SHARED)
    unit = a.key(r, "shared with a unit of the organization")
    a.volume(r, "unit", ENABLED, unit, SHARED_ON_A_CONDITION_UNKNOWN)
    a.volume(r, "denied", ENABLED, a.key(r, "shared and denied"), {"kms-key-shared": FAIL})
    a.volume(r, "another-role", ENABLED, a.key(r, "shared with another role"), NOT_SHARED)
    a.volume(r, "closed", ENABLED, a.key(r, "closed to the own account"), KEY_LOCALLY_CLOSED)
    a.volume(r, "backup-role", ENABLED, a.key(r, "open to the backup role"))
    a.volume(r, "alias", ENABLED, a.alias(r, "data", shared))
    a.volume(r, "disabled-key", ENABLED, a.disabled_key(r), KEY_NOT_USABLE)
    a.volume(r, "doomed-key", ENABLED, a.doomed_key(r), KEY_NOT_USABLE)
    a.volume(r, "aws-key", ENABLED, "alias/aws/ebs", AWS_MANAGED_KEY)
    a.volume(r, "plain", ENABLED, None, UNENCRYPTED)
    a.volume(r, "third-account", ENABLED, third.key(r, "shared by account id"), THIRD_ACCOUNTS_KEY)
    a.volume(r, "central-account", ENABLED, central.key(r, "not shared"), CENTRAL_KEY)
    broken = a.volume(r, "broken", ENABLED, shared, LASTING_STATE)
    a.override("DescribeVolumes", {"VolumeId": broken}, {"State": "error"})

    a.bucket(r, "assets", ENABLED, shared)
    a.bucket(r, "by-alias", ENABLED, f"arn:aws:kms:{r}:{a.account}:{a.alias(r, 'buckets', not_shared)}")
    a.bucket(r, "by-id", ENABLED, shared.rpartition("/")[2])
    a.bucket(r, "plain.with.dots", ENABLED, None, NO_CUSTOMER_KEY_RECOMMENDED)
    a.bucket(r, "aws-key", ENABLED, "", NO_CUSTOMER_KEY_RECOMMENDED)
    a.bucket(r, "aws-alias", ENABLED, "alias/aws/s3", NO_CUSTOMER_KEY_RECOMMENDED)
    a.bucket(r, "never-versioned", ENABLED, shared, NOT_VERSIONED, versioning=None, lifecycle=None)
    a.bucket(r, "suspended", ENABLED, shared, NOT_VERSIONED, versioning="Suspended")
    a.bucket(r, "no-lifecycle", ENABLED, shared, VERSIONS_PILE_UP, lifecycle=None)
    a.bucket(
        r, "lifecycle-off", ENABLED, shared, VERSIONS_PILE_UP, lifecycle={"Status": "Disabled", "Prefix": ""}
    )
    current = {"Status": "Enabled", "Prefix": "", "expires": "Expiration", "after": {"Days": 365}}
    a.bucket(r, "current-only", ENABLED, shared, VERSIONS_PILE_UP, lifecycle=current)
    a.bucket(r, "disabled-key", ENABLED, a.disabled_key(r), KEY_NOT_USABLE)
    asymmetric = a.new_key(r, Description="asymmetric", KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")
    a.bucket(r, "asymmetric-key", ENABLED, asymmetric, KEY_NOT_USABLE)
    missing = a.arn("kms", r, "key/00000000-0000-4000-8000-000000000000")
    a.bucket(r, "missing-key", ENABLED, missing, {**KEY_NOT_USABLE, "kms-key-locally-usable": SKIP})
    a.bucket(r, "closed-key", ENABLED, a.key(r, "closed to the own account"), KEY_LOCALLY_CLOSED)
    a.bucket(r, "central-key", ENABLED, central.key(r, "not shared"), CENTRAL_KEY)
    a.bucket(r, "third-key", ENABLED, third.key(r, "shared by account id"), NO_OWN_KEY)

    a.table(r, "orders", ENABLED, shared)
    a.table(r, "sessions", ENABLED, None, NO_CUSTOMER_KEY_RECOMMENDED)
    a.table(r, "carts", ENABLED, "", NO_CUSTOMER_KEY_RECOMMENDED)
    a.table(r, "audit", ENABLED, not_shared)

    a.database(r, "billing", ENABLED, shared)
    a.database(r, "billing-standby", ENABLED, shared, MultiAZ=True)
    a.database(r, "plain", ENABLED, None, UNENCRYPTED, Engine="mysql")
    a.database(r, "aws-key", ENABLED, "", AWS_MANAGED_KEY)
    a.database(r, "via-ec2", ENABLED, a.key(r, "shared for ec2"), NOT_SHARED)
    a.database(
        r, "no-retention", ENABLED, shared, {"rds-automated-backups-enabled": WARN}, BackupRetentionPeriod=0
    )
    full = a.database(r, "full", ENABLED, shared, LASTING_STATE)
    a.override("DescribeDBInstances", {"DBInstanceArn": full}, {"DBInstanceStatus": "storage-full"})
    busy = a.database(r, "busy", ENABLED, shared, PASSING_STATE)
    a.override("DescribeDBInstances", {"DBInstanceArn": busy}, {"DBInstanceStatus": "modifying"})
    oracle = {"Engine": "custom-oracle-ee", "EngineVersion": "19.my_cev1", "Port": 1521, "StorageType": "gp3"}
    a.database(r, "custom", ENABLED, shared, NOT_COPYABLE, **oracle)
    leaving = a.database(r, "leaving", ENABLED, shared)
    a.override("DescribeDBInstances", {"DBInstanceArn": leaving}, {"DBInstanceStatus": "deleting"})
    del a.resources[leaving]

    # Members in two zones: MultiAZ is true for this Aurora cluster.
    a.cluster(r, "ledger", ENABLED, shared, members=(NONE, NONE))
    a.cluster(r, "ledger-plain", ENABLED, None, UNENCRYPTED, Engine="aurora-mysql")
    a.cluster(r, "ledger-aws-key", ENABLED, "", AWS_MANAGED_KEY)
    a.cluster(r, "ledger-twice", ENABLED, shared, members=(ENABLED,))
    a.cluster(r, "ledger-member", NONE, shared, {"backup-tag-placed": FAIL}, members=(ENABLED, NONE))
    a.multi_az_cluster(r, "trading", ENABLED, shared, NOT_COPYABLE)
    # RDS lists the clusters of other services too.
    a.cluster(r, "graph", ENABLED, shared, Engine="neptune")
    documents = a.cluster(r, "documents", ENABLED, None, UNENCRYPTED, Engine="neptune")
    a.override("DescribeDBClusters", {"DBClusterArn": documents}, {"Engine": "docdb"})
    a.resources[documents]["type"] = "documentdb-cluster"
    for name in ("graph-0", "documents-0"):
        engine = {"Engine": "docdb"} if name == "documents-0" else {}
        a.override("DescribeDBInstances", {"DBInstanceIdentifier": name}, engine)


def further_services(a: Backups, central: Backups) -> None:
    """Services of the guide that only this region uses, and types that the guide does not cover."""
    r = "eu-central-1"
    shared, not_shared = a.key(r), a.key(r, "not shared")

    # The vault encrypts their backups, so sharing their key does not matter.
    a.proven(a.file_system(r, "home", ENABLED, shared))
    a.file_system(r, "by-id", ENABLED, not_shared.rpartition("/")[2])
    a.file_system(r, "plain", ENABLED, None, NO_CUSTOMER_KEY_RECOMMENDED)
    a.file_system(r, "aws-key", ENABLED, "", NO_CUSTOMER_KEY_RECOMMENDED)
    a.file_system(r, "disabled-key", ENABLED, a.disabled_key(r), KEY_NOT_USABLE)
    a.file_system(r, "central-key", ENABLED, central.key(r, "not shared"), CENTRAL_KEY)
    a.file_system(r, "untagged", NONE, shared)
    for name, state, but in (
        ("broken", "error", LASTING_STATE),
        ("growing", "updating", PASSING_STATE),
        ("leaving", "deleting", {}),
    ):
        arn = a.file_system(r, name, ENABLED, shared, but)
        a.override("DescribeFileSystems", {"FileSystemArn": arn}, {"LifeCycleState": state})
        if state == "deleting":
            del a.resources[arn]

    a.backed_up(a.warehouse(r, "reports", ENABLED, shared), PASS)
    a.warehouse(r, "reports-plain", ENABLED, None, UNENCRYPTED)
    a.warehouse(r, "reports-aws-key", ENABLED, "", AWS_MANAGED_KEY)
    a.warehouse(r, "reports-not-shared", NONE, not_shared)
    for name, state, but in (
        ("resizing", "available, prep-for-resize", {}),
        ("paused", "paused", PASSING_STATE),
        ("failed", "hardware-failure", LASTING_STATE),
    ):
        a.warehouse(r, name, ENABLED, shared, but)
        a.override("DescribeClusters", {"ClusterIdentifier": name}, {"ClusterStatus": state})
    a.namespace(r, "analytics", ENABLED, shared)
    a.namespace(r, "changing", ENABLED, shared, PASSING_STATE, status="MODIFYING")
    a.namespace(r, "adhoc", NONE, "AWS_OWNED_KMS_KEY", AWS_MANAGED_KEY)

    cached = a.gateway_of(r, "cached", "CACHED", ENABLED)
    a.proven(a.gateway_volume(cached, "first", ENABLED, shared))
    a.gateway_volume(cached, "by-alias", ENABLED, a.arn("kms", r, a.alias(r, "gateways", shared)))
    misplaced = a.gateway_of(r, "misplaced", "CACHED", ENABLED, TAG_MISPLACED)
    a.gateway_volume(misplaced, "untagged", NONE, shared)
    stored = a.gateway_of(r, "stored", "STORED", NONE)
    a.gateway_volume(stored, "not-shared", ENABLED, not_shared, NOT_SHARED, kind="STORED")
    a.gateway_volume(stored, "plain", ENABLED, None, UNENCRYPTED, kind="STORED")
    for status, but in (("IRRECOVERABLE", LASTING_STATE), ("BOOTSTRAPPING", PASSING_STATE)):
        a.gateway_volume(stored, status, ENABLED, shared, but, kind="STORED", status=status)
    a.gateway_of(r, "files", "FILE_S3", ENABLED, NO_VOLUME_GATEWAY)
    a.gateway_of(r, "tapes", "VTL", NONE, NO_VOLUME_GATEWAY)

    for name, engine, version, options, but in (
        ("hr", "oracle-ee", "19", ("Timezone", "OLS", "NATIVE_NETWORK_ENCRYPTION"), SHAREABLE),
        ("erp", "oracle-ee", "19", ("TDE",), NOT_SHAREABLE),
        ("crm", "sqlserver-se", "15.00", ("SQLSERVER_BACKUP_RESTORE",), SHAREABLE),
        ("crm-tde", "sqlserver-ee", "15.00", ("TDE",), NOT_SHAREABLE),
    ):
        group = a.option_group(r, f"{name}-options", engine, version, *options)
        a.database(r, name, ENABLED, shared, but, Engine=engine, OptionGroupName=group)
    # The default option group of the engine.
    a.database(r, "crm-default", ENABLED, shared, SHAREABLE, Engine="sqlserver-se")

    a.secret(r, "shop/password", ENABLED)
    a.secret(r, "shop/token", NONE)
    a.parameter(r, "/shop/flag", ENABLED)
    a.parameter(r, "/shop/limit", DISABLED)
    a.other("fsx", r, "file-system/fs-0a1a2a3a4a5a6a7a8", ENABLED)
    a.other("fsx", r, "file-system/fs-0b1b2b3b4b5b6b7b8", DISABLED)
    a.other("eks", r, "cluster/shop", ENABLED)
    # Backups have the tags of their source.
    a.unsupported(f"arn:aws:ec2:{r}::snapshot/snap-0d1d2d3d4d5d6d7d8", r, ENABLED)
    a.unsupported(a.arn("rds", r, "snapshot:awsbackup:job-1"), r, ENABLED)
    a.unsupported(a.arn("sns", r, "shop-orders"), r, ENABLED)


def stacks(a: Backups) -> None:
    r = "eu-central-1"
    shared, not_shared = a.key(r), a.key(r, "not shared")
    number = 0

    def volume(key: Optional[str] = shared, but: Findings = {}) -> Member:
        nonlocal number
        number += 1
        return "AWS::EC2::Volume", a.volume(r, f"member-{number}", NONE, key, {**IN_STACK, **but})

    # Members of several kinds, one of them in a nested stack. A role is not backed up, and
    # a resource that an update removed is no longer a member.
    table = a.table(r, "shop", ENABLED, shared, TWICE_IN_STACK)
    a.proven(table)
    bucket = a.bucket(r, "shop", DISABLED, shared, IN_STACK).rpartition(":")[2]
    a.database(r, "shop", NONE, shared, IN_STACK)
    shop = a.stack_id(r, "shop")
    data = a.stack(r, "shop-data", NONE, [("AWS::RDS::DBInstance", "shop")], parent=shop)
    a.stack(
        r,
        "shop",
        ENABLED,
        [
            volume(),
            ("AWS::DynamoDB::Table", "shop"),
            ("AWS::S3::Bucket", bucket),
            ("AWS::CloudFormation::Stack", data),
            ("AWS::IAM::Role", "shop-role"),
            ("AWS::EC2::Volume", "vol-0f1f2f3f4f5f6f7f8", "DELETE_COMPLETE"),
        ],
    )
    a.stack_proven(shop, table, a.arn("rds", r, "db:shop"))

    # The resource that is not ready is deeply nested.
    legacy, middle = a.stack_id(r, "legacy"), a.stack_id(r, "legacy-app")
    disk = volume(not_shared, NOT_SHARED)
    deep = a.stack(r, "legacy-disks", NONE, [disk], MEMBER_NOT_READY, parent=middle, root=legacy)
    nested: Member = ("AWS::CloudFormation::Stack", deep)
    a.stack(r, "legacy-app", ENABLED, [nested], {**MEMBER_NOT_READY, **TWICE_IN_STACK}, parent=legacy)
    a.stack(r, "legacy", ENABLED, [volume(), ("AWS::CloudFormation::Stack", middle)], MEMBER_NOT_READY)
    # A member that no service lists.
    a.stack(r, "outside", ENABLED, [volume(), ("AWS::DynamoDB::Table", "elsewhere")], MEMBER_UNKNOWN)
    # A file system is a member too, and so is a warehouse, which cannot be copied.
    home = a.file_system(r, "stack-home", NONE, shared, IN_STACK).rpartition("/")[2]
    a.warehouse(r, "stack-reports", NONE, shared, IN_STACK)
    members: list[Member] = [
        ("AWS::EFS::FileSystem", home),
        ("AWS::Redshift::Cluster", "stack-reports"),
    ]
    a.stack(r, "reporting", DISABLED, members)

    a.stack(r, "rolled-back", ENABLED, [volume()], status="UPDATE_ROLLBACK_COMPLETE")
    a.stack(r, "updating", ENABLED, [volume()], PASSING_STATE, status="UPDATE_IN_PROGRESS")
    a.stack(r, "stuck", ENABLED, [volume()], LASTING_STATE, status="UPDATE_ROLLBACK_FAILED")
    del a.resources[a.stack(r, "leaving", ENABLED, [], status="DELETE_IN_PROGRESS")]
    del a.resources[a.stack(r, "deleted", ENABLED, [], status="DELETE_COMPLETE")]


def jobs(a: Backups) -> None:
    """Enabled resources that are missing here have no jobs and no backups."""
    by_label = {(it["type"], it["label"]): arn for arn, it in a.resources.items()}
    volume = {label: arn for (kind, label), arn in by_label.items() if kind == "ebs-volume"}
    r = "eu-central-1"
    a.proven(
        volume["guide"],
        by_label["ec2-instance", "web"],
        by_label["s3-bucket", f"assets-{a.account}"],
        by_label["dynamodb-table", "orders"],
        by_label["rds-instance", "billing"],
        by_label["aurora-cluster", "ledger"],
        # Not ready by the guide, but copied.
        volume["plain"],
    )
    # No copies are expected for a type that cannot be copied.
    a.backed_up(by_label["rds-cluster", "trading"], PASS)

    inaccessible = "Given key ID is not accessible. You must have DescribeKey permissions on the default CMK."
    managed = "Snapshots encrypted with the AWS Managed CMK can't be shared"
    marketplace = "Images from AWS Marketplace cannot be copied to another AWS account."
    for arn, message in (
        (volume["not-shared"], inaccessible),
        (volume["aws-key"], managed),
        (by_label["ec2-instance", "firewall"], marketplace),
        # The prerequisites pass, but the job fails.
        (volume["organization"], "An internal error occurred."),
    ):
        a.backed_up(arn, PASS)
        a.copied(arn, FAIL, state="FAILED", message=message)
    # Failed, but fixed since.
    a.proven(volume["alias"])
    a.backed_up(volume["alias"], PASS, hours=27, state="FAILED", message="An internal error occurred.")
    a.copied(volume["alias"], PASS, hours=26, state="FAILED", message=inaccessible)

    a.backed_up(volume["service-role"], PASS, hours=27)
    a.copied(volume["service-role"], PASS, hours=26)
    a.backed_up(volume["service-role"], FAIL, state="FAILED", message="An internal error occurred.")
    bucket = by_label["s3-bucket", f"never-versioned-{a.account}"]
    a.backed_up(bucket, FAIL, state="FAILED", message="Bucket versioning is not enabled.")
    # Three days old with a daily plan.
    a.backed_up(volume["account-id"], FAIL, hours=72)
    a.copied(volume["account-id"], PASS, hours=71)
    # In progress.
    a.backed_up(volume["via-ec2"], PASS, hours=25)
    a.copied(volume["via-ec2"], PASS, hours=24)
    a.backed_up(volume["via-ec2"], PASS, hours=1, state="RUNNING")
    a.backed_up(volume["required-only"], PASS)
    a.copied(volume["required-only"], PASS, state="RUNNING")
    # Stuck.
    a.backed_up(volume["backup-role"], PASS, hours=30)
    a.copied(volume["backup-role"], FAIL, hours=29, state="CREATED")
    # Copied to another account. The first backup is old enough that a daily rule ran since, at any time of day.
    for hours in (51, 27, 3):
        a.backed_up(volume["closed"], PASS, hours)
        a.backed_up(volume["denied"], PASS, hours)
    a.copied(volume["closed"], FAIL, to=f"arn:aws:backup:{r}:{THIRD}:backup-vault:drawer")
    # Backed up, but never copied.
    a.never_copied(volume["denied"], FAIL)


def eu_west_1(a: Backups) -> None:
    """No bucket is enabled, so the network is not gating. Advanced DynamoDB backup is off."""
    r = "eu-west-1"
    shared = a.key(r)
    backup = {
        "ResourceTypeOptInPreference": {
            name: True for name in ("Aurora", "DynamoDB", "EBS", "EC2", "RDS", "S3")
        },
        "ResourceTypeManagementPreference": {"DynamoDB": False, "EFS": True},
    }
    a.region(
        r,
        None,
        backup,
        {"ebs-default-encryption": WARN, "service-opted-in": PASS, **NO_VAULT, **VAULT_KEY_NOT_SHARED},
    )
    # The plan keeps a backup for a day, but Vault Lock requires a week.
    a.vault(r, a.key(r, "not shared"), {"kms-key-usable": PASS}, shortest=7)
    a.default_vpc(r, NO_WORKLOADS)

    # The workload's subnet has a way to the internet, and the endpoint is on another table.
    public_vpc = a.vpc(r, "10.1.0.0/16", {**ENDPOINT_READY, "s3-gateway-endpoint-routed": WARN})
    public = a.subnet(r, public_vpc, "10.1.1.0/24")
    a.internet(r, public_vpc, a.main_table(r, public_vpc))
    a.gateway(r, public_vpc, [a.table_of(r, public_vpc, a.subnet(r, public_vpc, "10.1.2.0/24"))])
    # An interface endpoint for S3 and a gateway endpoint for DynamoDB do not count.
    other = a.vpc(r, "10.2.0.0/16", NO_ENDPOINT)
    private = a.subnet(r, other, "10.2.1.0/24")
    a.interface_endpoint(r, other, private)
    a.gateway(r, other, [a.main_table(r, other)], "dynamodb")

    a.instance(r, "api", public, ENABLED, [(NONE, shared, {})])
    pending = a.instance(r, "starting", private, ENABLED, [(NONE, shared, {})], PASSING_STATE)
    a.override("DescribeInstances", {"InstanceId": pending}, {"State": {"Code": 0, "Name": "pending"}})
    # A product code of another type than marketplace.
    devpay = a.instance(r, "devpay", private, NONE, [(NONE, None, UNENCRYPTED)], UNENCRYPTED)
    code = {"ProductCodeId": "774f4ff8", "ProductCodeType": "devpay"}
    a.override("DescribeInstances", {"InstanceId": devpay}, {"ProductCodes": [code]})
    # Evaluated with the policy of the replica, which is shared, unlike the primary's.
    a.volume(r, "replica", ENABLED, a.replica_key("eu-central-1", r))
    a.volume(r, "true", TRUE, shared)
    a.volume(r, "trailing-blank", TRAILING_BLANK, None, UNENCRYPTED)
    creating = a.volume(r, "creating", ENABLED, shared, PASSING_STATE)
    a.override("DescribeVolumes", {"VolumeId": creating}, {"State": "creating"})
    a.bucket(
        r,
        "untagged",
        NONE,
        None,
        {**NO_CUSTOMER_KEY_RECOMMENDED, **NOT_VERSIONED},
        versioning=None,
        lifecycle=None,
    )
    a.bucket(r, "scratch", DISABLED, None, versioning=None, lifecycle=None)
    events = a.table(r, "events", ENABLED, shared, NO_ADVANCED_FEATURES)
    a.backed_up(events, PASS)
    feature = "Copy job from eu-west-1 to eu-central-1 cannot be initiated for DynamoDB resources. Feature is not supported for provided resource type."
    a.copied(events, FAIL, state="FAILED", message=feature)
    a.table(r, "untagged", NONE, None, {**NO_ADVANCED_FEATURES, **NO_CUSTOMER_KEY_RECOMMENDED})
    a.database(r, "reports", CUSTOM, None, Engine="mysql")
    a.cluster(r, "catalogue", OTHERS, shared)


def eu_west_3(a: Backups, central: Backups) -> None:
    """DynamoDB is not opted in; endpoints that look like one."""
    r = "eu-west-3"
    shared = a.key(r)
    backup = {
        "ResourceTypeOptInPreference": {"DynamoDB": False, "EBS": True, "EC2": True, "RDS": True, "S3": True},
        "ResourceTypeManagementPreference": {"DynamoDB": True},
    }
    a.region(
        r,
        "",
        backup,
        {"ebs-default-encryption": WARN, "service-opted-in": WARN, **NOT_COVERED, **NO_VAULT},
    )

    # The interfaces of an endpoint and of a NAT gateway are not workloads.
    default, subnets, _ = a.default_vpc(r, NO_WORKLOADS)
    a.interface_endpoint(r, default, subnets[0], "kms")
    a.client("ec2", r).create_nat_gateway(SubnetId=subnets[1])
    # Not yet available.
    starting = a.vpc(r, "10.1.0.0/16", NO_ENDPOINT)
    first = a.subnet(r, starting, "10.1.1.0/24")
    endpoint = a.gateway(r, starting, [a.main_table(r, starting)])
    a.override("DescribeVpcEndpoints", {"VpcEndpointId": endpoint}, {"State": "pending"})
    # S3 Express is another service.
    express = a.vpc(r, "10.2.0.0/16", NO_ENDPOINT)
    second = a.subnet(r, express, "10.2.1.0/24")
    a.gateway(r, express, [a.main_table(r, express)], "s3express")
    # The route is a blackhole.
    hole = a.vpc(r, "10.3.0.0/16", {**ENDPOINT_READY, "s3-gateway-endpoint-routed": FAIL})
    third = a.subnet(r, hole, "10.3.1.0/24")
    endpoint = a.gateway(r, hole, [a.main_table(r, hole)])
    a.override("DescribeRouteTables", {"GatewayId": endpoint}, {"State": "blackhole"})
    a.instance(r, "one", first, NONE, [(NONE, shared, {})])
    a.instance(r, "two", second, VALUE_IN_CAPITALS, [(CUSTOM, None, {})], UNENCRYPTED)
    a.instance(r, "three", third, CUSTOM, [(ENABLED, shared, {})])

    a.bucket(r, "statements", ENABLED, shared)
    a.bucket(r, "key-in-capitals", KEY_IN_CAPITALS, shared)
    a.table(r, "statements", ENABLED, shared, NO_ADVANCED_FEATURES)
    a.table(
        r,
        "value-in-capitals",
        VALUE_IN_CAPITALS,
        None,
        {**NO_ADVANCED_FEATURES, **NO_CUSTOMER_KEY_RECOMMENDED},
    )
    a.database(r, "central-key", ENABLED, central.key(r, "not shared"), CENTRAL_KEY)
    a.multi_az_cluster(r, "exempt", DISABLED, None, {})


def ap_southeast_1(a: Backups) -> None:
    """S3 is missing in the opt-in settings; an interface without an instance is a workload."""
    r = "ap-southeast-1"
    shared = a.key(r)
    backup = {
        "ResourceTypeOptInPreference": {"Aurora": True, "DynamoDB": True, "EBS": True},
        "ResourceTypeManagementPreference": {"DynamoDB": True},
    }
    a.region(
        r,
        a.alias(r, "ebs-default", shared),
        backup,
        {"ebs-default-encryption": PASS, "service-opted-in": WARN, **NO_VAULT, **VAULT_KEY_NOT_SHARED},
    )
    closed = {"Effect": "Deny", "Principal": "*", "Action": "backup:CopyFromBackupVault", "Resource": "*"}
    a.vault(r, None, policy=[closed])
    vpc, subnets, main = a.default_vpc(r, ENDPOINT_READY)
    a.gateway(r, vpc, [main])
    a.client("ec2", r).create_network_interface(
        SubnetId=subnets[0], Description="AWS Lambda VPC ENI-thumbnails"
    )
    a.bucket(r, "media", ENABLED, shared)
    a.volume(r, "media", ENABLED, shared)
    a.table(r, "media", ENABLED, a.alias(r, "tables", shared))
    a.cluster(r, "media", ENABLED, shared, Engine="aurora-mysql")


def us_east_1(a: Backups, central: Backups) -> None:
    """No resource is gating by its tag, so the region's settings are not gating. DynamoDB is off and unused."""
    r = "us-east-1"
    backup = {
        "ResourceTypeOptInPreference": {
            "DynamoDB": False,
            "EBS": True,
            "RDS": True,
            "S3": True,
            "Redshift": False,
        },
        "ResourceTypeManagementPreference": {},
    }
    a.region(r, None, backup, {"ebs-default-encryption": WARN, "service-opted-in": PASS})
    a.vault(r, central.key(r, "not shared"))
    a.default_vpc(r, NO_WORKLOADS)
    a.bucket(r, "empty-value", EMPTY, None, NO_CUSTOMER_KEY_RECOMMENDED)
    a.bucket(r, "custom", CUSTOM, None)
    a.volume(r, "untagged", OTHERS, None, UNENCRYPTED)
    a.volume(r, "disabled", DISABLED, None)
    a.database(r, "untagged", NONE, "", AWS_MANAGED_KEY)
