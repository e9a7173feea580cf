"""Fill an account in moto and print what a scan of it must find.

    python seed.py --endpoint http://127.0.0.1:PORT --account 111122223333 [--variant mixed]

Every creation says beside it what the rules must make of the resource: `READY` of its type, but
for the differences named there. That is written by a reader of the rules, never taken from output.
"""

from __future__ import annotations

import argparse
import functools
import json
import sys
import urllib.request
from dataclasses import dataclass
from typing import Any, Optional

import boto3
from botocore.config import Config

sys.dont_write_bytecode = True  # the sources are in a repository

from overlay import SEEDING  # noqa: E402

Json = dict[str, Any]
Findings = dict[str, str]

REGIONS = ("eu-central-1", "eu-west-1", "eu-west-3", "ap-southeast-1", "us-east-1")
CENTRAL = "692653576357"
THIRD = "444455556666"

# A volume of an instance: its tag, its key, and how it differs from a ready one.
Disk = tuple["Tag", Optional[str], Findings]

PASS, FAIL, WARN, UNKNOWN, SKIP = "pass", "fail", "warn", "unknown", "skip"


# --- what the rules say


@dataclass(frozen=True)
class Tag:
    state: str
    tags: tuple[tuple[str, str], ...]

    def listed(self, name: str) -> list[Json]:
        return [{"Key": key, "Value": value} for key, value in (("Name", name), *self.tags)]


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
MANAGED = all_pass("encryption-customer-key-recommended", "cross-account-copy-supported", *KEY_RULES)

# A resource that is ready, under a shared key of its own account.
READY: dict[str, Findings] = {
    "ebs-volume": INHERITED,
    "ec2-instance": {**INHERITED, "ec2-image-copyable": PASS},
    "rds-instance": {**INHERITED, "rds-automated-backups-enabled": PASS},
    "rds-cluster": {**INHERITED, "rds-automated-backups-enabled": PASS, "backup-tag-placed": PASS},
    "aurora-cluster": {**INHERITED, "rds-automated-backups-enabled": PASS, "backup-tag-placed": PASS},
    "s3-bucket": {**MANAGED, "s3-versioning-enabled": PASS, "s3-old-versions-expire": PASS},
    "dynamodb-table": {**MANAGED, "dynamodb-advanced-features-enabled": PASS},
}

# No key whose policy is the account's to change: nothing to share, nothing to repair.
NO_OWN_KEY = {"kms-key-usable": SKIP, "kms-key-locally-usable": SKIP}
NO_CUSTOMER_KEY = {**NO_OWN_KEY, "kms-key-shared": SKIP, "kms-key-fully-shared": SKIP}

# Types that inherit their source's key.
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

# Types whose backup the vault encrypts.
NO_CUSTOMER_KEY_RECOMMENDED = {**NO_OWN_KEY, "encryption-customer-key-recommended": WARN}
NO_ADVANCED_FEATURES = {"dynamodb-advanced-features-enabled": FAIL}
NOT_VERSIONED = {"s3-versioning-enabled": FAIL, "s3-old-versions-expire": SKIP}
VERSIONS_PILE_UP = {"s3-old-versions-expire": WARN}

# VPCs.
NO_WORKLOADS: Findings = {}
NO_ENDPOINT = {"s3-gateway-endpoint-present": FAIL}
ENDPOINT_READY = {
    "s3-gateway-endpoint-present": PASS,
    "s3-gateway-endpoint-routed": PASS,
    "s3-gateway-endpoint-open": PASS,
}


# --- key policies


def allow(principal: Any, actions: Any, condition: Optional[Json] = None) -> Json:
    statement = {"Effect": "Allow", "Principal": principal, "Action": actions, "Resource": "*"}
    return {**statement, "Condition": condition} if condition else statement


def root(account: str) -> Json:
    return {"AWS": f"arn:aws:iam::{account}:root"}


def guide_statements(account: str, principal: str = f"arn:aws:iam::{CENTRAL}:root") -> list[Json]:
    """The two statements of the company guide, word for word."""
    principals = {"AWS": [f"arn:aws:iam::{account}:user/KeyUser", principal]}
    use = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
    grants = ["kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant"]
    return [
        {"Sid": "Allow use of the key", **allow(principals, use)},
        {
            "Sid": "Allow attachment of persistent resources",
            **allow(principals, grants, {"Bool": {"kms:GrantIsForAWSResource": True}}),
        },
    ]


def policy(kind: str, account: str, region: str) -> list[Json]:
    own = {"Sid": "Enable IAM User Permissions", **allow(root(account), "kms:*")}
    guide = guide_statements(account)
    role = f"arn:aws:iam::{account}:role"
    service_role = (
        f"arn:aws:iam::{CENTRAL}:role/aws-service-role/backup.amazonaws.com/AWSServiceRoleForBackup"
    )
    required = ["DescribeKey", "CreateGrant", "Decrypt", "ReEncryptFrom", "GenerateDataKeyWithoutPlaintext"]
    policies: dict[str, list[Json]] = {
        "shared": [own, *guide],
        "shared with the service role": [own, *guide_statements(account, service_role)],
        "shared by account id": [own, allow({"AWS": CENTRAL}, "kms:*")],
        "shared for ec2": [
            own,
            allow(
                root(CENTRAL), "kms:*", {"StringEquals": {"kms:ViaService": f"ec2.{region}.amazonaws.com"}}
            ),
        ],
        "shared for the required actions": [own, allow(root(CENTRAL), [f"kms:{name}" for name in required])],
        "not shared": [own],
        # The guide's condition on the wrong statement: only the calls about grants carry that key.
        "use only for grants": [
            own,
            allow(
                root(CENTRAL),
                [*guide[0]["Action"], *guide[1]["Action"]],
                {"Bool": {"kms:GrantIsForAWSResource": "true"}},
            ),
        ],
        # As AWS Control Tower's own sample does it.
        "shared with the organization": [
            own,
            allow({"AWS": "*"}, "kms:*", {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}),
        ],
        "shared and denied": [
            own,
            *guide,
            {**allow(root(CENTRAL), ["kms:CreateGrant"]), "Effect": "Deny", "Sid": "No grants"},
        ],
        "shared with another role": [own, allow({"AWS": f"arn:aws:iam::{CENTRAL}:role/Admin"}, "kms:*")],
        "closed to the own account": [allow({"AWS": f"{role}/KeyAdmin"}, "kms:*"), *guide],
        "open to the backup role": [
            allow({"AWS": f"{role}/KeyAdmin"}, "kms:*"),
            allow(
                {"AWS": f"{role}/aws-controltower-BackupRole"},
                [
                    "kms:Decrypt",
                    "kms:DescribeKey",
                    "kms:CreateGrant",
                    "kms:GenerateDataKey*",
                    "kms:ReEncrypt*",
                ],
            ),
            *guide,
        ],
    }
    return policies[kind]


# --- the account


class Account:
    def __init__(self, endpoint: str, account: str) -> None:
        self.endpoint, self.account = endpoint, account
        self.resources: dict[str, Json] = {}
        self.credentials: Json = {"AccessKeyId": "seed", "SecretAccessKey": "seed", "SessionToken": None}
        # An account exists in moto as soon as a role in it was assumed.
        role = f"arn:aws:iam::{account}:role/seed"
        self.credentials = self.client("sts", "us-east-1").assume_role(RoleArn=role, RoleSessionName="seed")[
            "Credentials"
        ]
        self.client.cache_clear()

    @functools.cache  # noqa: B019
    def client(self, service: str, region: str) -> Any:
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=self.endpoint,
            aws_access_key_id=self.credentials["AccessKeyId"],
            aws_secret_access_key=self.credentials["SecretAccessKey"],
            aws_session_token=self.credentials["SessionToken"],
            config=Config(user_agent_extra=SEEDING, s3={"addressing_style": "path"}),
        )

    def control(self, what: str, data: Any) -> None:
        url = f"{self.endpoint}/__overlay__/{what}"
        urllib.request.urlopen(urllib.request.Request(url, json.dumps(data).encode(), method="POST")).read()

    def override(self, operation: str, match: Json, values: Json) -> None:
        override = {"account": self.account, "operation": operation, "match": match, "set": values}
        self.control("overrides", [override])

    def fact(self, region: str, kind: str, *items: Json) -> None:
        """For what moto lacks; an empty region is all of them."""
        self.control("facts", [{"account": self.account, "region": region, "kind": kind, "items": items}])

    def arn(self, service: str, region: str, resource: str) -> str:
        return f"arn:aws:{service}:{region}:{self.account}:{resource}"

    def expect(self, arn: str, label: str, kind: str, region: str, tag: Optional[Tag], but: Findings) -> None:
        """`label` is for people who read a difference: many ids say nothing."""
        state = tag.state if tag else None
        if state in ("disabled", "custom"):  # exempt: only the tagging rules look at it
            findings = {**{r: s for r, s in READY[kind].items() if r in TAGGING_RULES}, **TAGGING[state]}
            findings.update({rule: status for rule, status in but.items() if rule in TAGGING_RULES})
        else:
            findings = {**READY.get(kind, {}), **(TAGGING[state] if state else {}), **but}
        findings = {rule: status for rule, status in sorted(findings.items()) if status != SKIP}
        self.resources[arn] = {
            "label": label,
            "type": kind,
            "region": region,
            "backup_tag": state,
            "findings": findings,
        }

    # --- keys

    @functools.cache  # noqa: B019
    def key(self, region: str, kind: str = "shared") -> str:
        document = json.dumps({"Version": "2012-10-17", "Statement": policy(kind, self.account, region)})
        return str(
            self.client("kms", region).create_key(Description=kind, Policy=document)["KeyMetadata"]["Arn"]
        )

    def new_key(self, region: str, **options: Any) -> str:
        document = json.dumps({"Version": "2012-10-17", "Statement": policy("shared", self.account, region)})
        return str(self.client("kms", region).create_key(Policy=document, **options)["KeyMetadata"]["Arn"])

    def alias(self, region: str, name: str, key: str) -> str:
        self.client("kms", region).create_alias(AliasName=f"alias/{name}", TargetKeyId=key)
        return f"alias/{name}"

    def disabled_key(self, region: str) -> str:
        key = self.new_key(region, Description="disabled")
        self.client("kms", region).disable_key(KeyId=key.rpartition("/")[2])
        return key

    def doomed_key(self, region: str) -> str:
        key = self.new_key(region, Description="pending deletion")
        self.client("kms", region).schedule_key_deletion(KeyId=key.rpartition("/")[2], PendingWindowInDays=7)
        return key

    def replica_key(self, primary_region: str, region: str) -> str:
        """Shared in the region of the replica only: each has a policy of its own."""
        primary = self.new_key(primary_region, Description="multi-Region", MultiRegion=True)
        self.client("kms", primary_region).replicate_key(
            KeyId=primary.rpartition("/")[2], ReplicaRegion=region
        )
        document = json.dumps(
            {"Version": "2012-10-17", "Statement": policy("not shared", self.account, primary_region)}
        )
        self.client("kms", primary_region).put_key_policy(
            KeyId=primary, PolicyName="default", Policy=document
        )
        return primary.replace(primary_region, region)

    # --- resources; `key` is None for no encryption, "" for the service's own key

    def volume(self, region: str, name: str, tag: Tag, key: Optional[str], but: Findings = {}) -> str:
        options = {"KmsKeyId": key} if key else {}
        volume = self.client("ec2", region).create_volume(
            AvailabilityZone=f"{region}a",
            Size=20,
            Encrypted=key is not None,
            TagSpecifications=[{"ResourceType": "volume", "Tags": tag.listed(name)}],
            **options,
        )["VolumeId"]
        self.expect(self.arn("ec2", region, f"volume/{volume}"), name, "ebs-volume", region, tag, but)
        return str(volume)

    def instance(
        self,
        region: str,
        name: str,
        subnet: str,
        tag: Tag,
        volumes: list[Disk],
        but: Findings = {},
    ) -> str:
        """An instance, and as resources of their own the volumes attached to it."""
        ec2 = self.client("ec2", region)
        mappings = [
            {
                "DeviceName": f"/dev/sd{'abcdef'[index]}",
                "Ebs": {"VolumeSize": 8, "Encrypted": key is not None, **({"KmsKeyId": key} if key else {})},
            }
            for index, (_, key, _) in enumerate(volumes)
        ]
        # moto would attach a root volume of its own choice.
        none = [{"DeviceName": "/dev/sda", "NoDevice": "", "Ebs": {"VolumeSize": 8}}]
        instance = ec2.run_instances(
            ImageId="ami-0123456789abcdef0",
            InstanceType="t3.small",
            MinCount=1,
            MaxCount=1,
            SubnetId=subnet,
            BlockDeviceMappings=mappings or none,
            TagSpecifications=[{"ResourceType": "instance", "Tags": tag.listed(name)}],
        )["Instances"][0]
        for device, (volume_tag, _, volume_but) in zip(instance["BlockDeviceMappings"], volumes, strict=True):
            volume = device["Ebs"]["VolumeId"]
            ec2.create_tags(Resources=[volume], Tags=volume_tag.listed(f"{name}-disk"))
            duplicated = WARN if tag == volume_tag == ENABLED else PASS
            arn = self.arn("ec2", region, f"volume/{volume}")
            volume_but = {"backup-not-duplicated": duplicated, **volume_but}
            self.expect(arn, f"{name}-disk", "ebs-volume", region, volume_tag, volume_but)
        arn = self.arn("ec2", region, f"instance/{instance['InstanceId']}")
        self.expect(arn, name, "ec2-instance", region, tag, but)
        return str(instance["InstanceId"])

    def bucket(
        self,
        region: str,
        name: str,
        tag: Tag,
        key: Optional[str],
        but: Findings = {},
        versioning: Optional[str] = "Enabled",
        lifecycle: Optional[Json] = {"Status": "Enabled", "Prefix": ""},
    ) -> None:
        s3, name = self.client("s3", region), f"{name}-{self.account}"
        where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        s3.create_bucket(Bucket=name, **where)
        if tag.tags:
            s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tag.listed(name)})
        if versioning:
            s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": versioning})
        if lifecycle:
            rule = {
                "ID": "old-versions",
                "Status": lifecycle["Status"],
                "Filter": {"Prefix": lifecycle["Prefix"]},
                lifecycle.get("expires", "NoncurrentVersionExpiration"): lifecycle.get(
                    "after", {"NoncurrentDays": 30}
                ),
            }
            s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": [rule]})
        if key is not None:
            default = {"SSEAlgorithm": "aws:kms", **({"KMSMasterKeyID": key} if key else {})}
            rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}]}
            s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration=rules)
        if region in REGIONS:
            self.expect(f"arn:aws:s3:::{name}", name, "s3-bucket", region, tag, but)

    def table(self, region: str, name: str, tag: Tag, key: Optional[str], but: Findings = {}) -> None:
        encryption = {"Enabled": True, "SSEType": "KMS", **({"KMSMasterKeyId": key} if key else {})}
        self.client("dynamodb", region).create_table(
            TableName=name,
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
            **({"SSESpecification": encryption} if key is not None else {}),
            **({"Tags": tag.listed(name)} if tag.tags else {}),
        )
        self.expect(self.arn("dynamodb", region, f"table/{name}"), name, "dynamodb-table", region, tag, but)

    def database(
        self, region: str, name: str, tag: Tag, key: Optional[str], but: Findings = {}, **options: Any
    ) -> str:
        self.client("rds", region).create_db_instance(
            **{
                "DBInstanceIdentifier": name,
                "Engine": "postgres",
                "DBInstanceClass": "db.m6g.large",
                "AllocatedStorage": 100,
                "MasterUsername": "app",
                "MasterUserPassword": "not-a-secret",
                "BackupRetentionPeriod": 7,
                "StorageEncrypted": key is not None,
                "Tags": tag.listed(name),
                **({"KmsKeyId": key} if key else {}),
                **options,
            }
        )
        arn = self.arn("rds", region, f"db:{name}")
        self.expect(arn, name, "rds-instance", region, tag, but)
        return arn

    def cluster(
        self,
        region: str,
        name: str,
        tag: Tag,
        key: Optional[str],
        but: Findings = {},
        members: tuple[Tag, ...] = (NONE,),
        **options: Any,
    ) -> str:
        """An Aurora cluster, or with an engine that is not Aurora's a Multi-AZ DB cluster. Its
        members lie in different zones and are no resources of their own."""
        rds = self.client("rds", region)
        engine = options.pop("Engine", "aurora-postgresql")
        rds.create_db_cluster(
            DBClusterIdentifier=name,
            Engine=engine,
            MasterUsername="app",
            MasterUserPassword="not-a-secret",
            BackupRetentionPeriod=7,
            StorageEncrypted=key is not None,
            Tags=tag.listed(name),
            **({"KmsKeyId": key} if key else {}),
            **options,
        )
        for index, member in enumerate(members):
            rds.create_db_instance(
                DBInstanceIdentifier=f"{name}-{index}",
                DBClusterIdentifier=name,
                Engine=engine,
                DBInstanceClass="db.r6g.large",
                AvailabilityZone=f"{region}{'abc'[index]}",
                Tags=member.listed(f"{name}-{index}"),
            )
        arn = self.arn("rds", region, f"cluster:{name}")
        if engine != "neptune":
            kind = "aurora-cluster" if engine.startswith("aurora") else "rds-cluster"
            self.expect(arn, name, kind, region, tag, but)
        return arn

    def multi_az_cluster(self, region: str, name: str, tag: Tag, key: Optional[str], but: Findings) -> str:
        return self.cluster(
            region,
            name,
            tag,
            key,
            but,
            members=(NONE, NONE, NONE),
            Engine="postgres",
            DBClusterInstanceClass="db.m5d.large",
            AllocatedStorage=100,
            StorageType="io1",
            Iops=1000,
        )

    def region(
        self, region: str, default_key: Optional[str], settings: Optional[Json], but: Findings
    ) -> None:
        """Settings of the region. `default_key`: None for no EBS encryption by default."""
        ec2 = self.client("ec2", region)
        if default_key is not None:
            ec2.enable_ebs_encryption_by_default()
        if default_key:
            ec2.modify_ebs_default_kms_key_id(KmsKeyId=default_key)
        if settings:
            self.fact(region, "backup-settings", settings)
        self.expect(f"backup-check:region:{self.account}:{region}", "settings", "region", region, None, but)

    # --- networks

    def vpc(self, region: str, cidr: str, but: Findings) -> str:
        vpc = self.client("ec2", region).create_vpc(CidrBlock=cidr)["Vpc"]["VpcId"]
        self.expect(self.arn("ec2", region, f"vpc/{vpc}"), cidr, "vpc", region, None, but)
        return str(vpc)

    def default_vpc(self, region: str, but: Findings) -> tuple[str, list[str], str]:
        """The VPC, its subnets and its main route table; AWS makes it with a way to the internet.
        https://docs.aws.amazon.com/vpc/latest/userguide/default-vpc-components.html"""
        ec2 = self.client("ec2", region)
        vpc = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
        self.internet(region, vpc, self.main_table(region, vpc))
        self.expect(self.arn("ec2", region, f"vpc/{vpc}"), "default", "vpc", region, None, but)
        subnets = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"]
        return vpc, [subnet["SubnetId"] for subnet in subnets], self.main_table(region, vpc)

    def main_table(self, region: str, vpc: str) -> str:
        filters = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "association.main", "Values": ["true"]}]
        tables = self.client("ec2", region).describe_route_tables(Filters=filters)["RouteTables"]
        return str(tables[0]["RouteTableId"])

    def internet(self, region: str, vpc: str, table: str) -> None:
        ec2 = self.client("ec2", region)
        gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)

    def subnet(self, region: str, vpc: str, cidr: str) -> str:
        subnet = self.client("ec2", region).create_subnet(
            VpcId=vpc, CidrBlock=cidr, AvailabilityZone=f"{region}a"
        )
        return str(subnet["Subnet"]["SubnetId"])

    def table_of(self, region: str, vpc: str, subnet: str) -> str:
        """A route table of the subnet's own, instead of the main one."""
        ec2 = self.client("ec2", region)
        table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
        return str(table)

    def gateway(self, region: str, vpc: str, tables: list[str], service: str = "s3", **options: Any) -> str:
        endpoint = self.client("ec2", region).create_vpc_endpoint(
            VpcId=vpc,
            ServiceName=f"com.amazonaws.{region}.{service}",
            VpcEndpointType="Gateway",
            RouteTableIds=tables,
            **options,
        )
        return str(endpoint["VpcEndpoint"]["VpcEndpointId"])

    def interface_endpoint(self, region: str, vpc: str, subnet: str, service: str = "s3") -> None:
        self.client("ec2", region).create_vpc_endpoint(
            VpcId=vpc,
            ServiceName=f"com.amazonaws.{region}.{service}",
            VpcEndpointType="Interface",
            SubnetIds=[subnet],
        )


# --- the variants


def mixed(a: Account, central: Account, third: Account) -> None:
    eu_central_1(a, central, third)
    eu_west_1(a)
    eu_west_3(a, central)
    ap_southeast_1(a)
    us_east_1(a)
    # Outside the regions of the guide: not scanned, and not in the report.
    a.bucket("eu-north-1", "elsewhere", ENABLED, None)


def eu_central_1(a: Account, central: Account, third: Account) -> None:
    """Everything in use, all settings as they should be; the key policies."""
    r = "eu-central-1"
    shared = a.key(r)
    a.region(r, shared, None, {"ebs-default-encryption": PASS, "service-opted-in": PASS})

    # Workloads in a public subnet of the default VPC, and no endpoint.
    _, default_subnets, _ = a.default_vpc(r, NO_ENDPOINT)

    # Private subnet with its own table, the endpoint on it; a NAT gateway is no workload.
    app = a.vpc(r, "10.1.0.0/16", ENDPOINT_READY)
    private, public = a.subnet(r, app, "10.1.1.0/24"), a.subnet(r, app, "10.1.2.0/24")
    a.gateway(r, app, [a.table_of(r, app, private)])
    a.internet(r, app, a.table_of(r, app, public))
    a.client("ec2", r).create_nat_gateway(SubnetId=public)

    # The endpoint is on another subnet's table; the workload's subnet takes the main one.
    lost = a.vpc(r, "10.2.0.0/16", {**ENDPOINT_READY, "s3-gateway-endpoint-routed": FAIL})
    unrouted = a.subnet(r, lost, "10.2.1.0/24")
    a.gateway(r, lost, [a.table_of(r, lost, a.subnet(r, lost, "10.2.2.0/24"))])

    # The endpoint is on the main table, which the subnet takes without being associated with it.
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
    # Left out of the report, as everything that is being deleted.
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
    # ListGrants and RevokeGrant pass the condition, Encrypt and the like do not.
    a.volume(r, "grants-only", ENABLED, a.key(r, "use only for grants"), NOT_SHARED)
    a.volume(
        r, "organization", ENABLED, a.key(r, "shared with the organization"), SHARED_ON_A_CONDITION_UNKNOWN
    )
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

    # Members in two zones: MultiAZ is true, and it is an Aurora cluster all the same.
    a.cluster(r, "ledger", ENABLED, shared, members=(NONE, NONE))
    a.cluster(r, "ledger-plain", ENABLED, None, UNENCRYPTED, Engine="aurora-mysql")
    a.cluster(r, "ledger-aws-key", ENABLED, "", AWS_MANAGED_KEY)
    a.cluster(r, "ledger-twice", ENABLED, shared, members=(ENABLED,))
    a.cluster(r, "ledger-member", NONE, shared, {"backup-tag-placed": FAIL}, members=(ENABLED, NONE))
    a.multi_az_cluster(r, "trading", ENABLED, shared, NOT_COPYABLE)
    # Not in the guide, though RDS lists them.
    a.cluster(r, "graph", ENABLED, None, Engine="neptune")
    documents = a.cluster(r, "documents", ENABLED, None, Engine="neptune")
    a.override("DescribeDBClusters", {"DBClusterArn": documents}, {"Engine": "docdb"})
    for name in ("graph-0", "documents-0"):
        engine = {"Engine": "docdb"} if name == "documents-0" else {}
        a.override("DescribeDBInstances", {"DBInstanceIdentifier": name}, engine)


def eu_west_1(a: Account) -> None:
    """No bucket is enabled: the network decides nothing. Backup of DynamoDB is not the advanced one."""
    r = "eu-west-1"
    shared = a.key(r)
    backup = {
        "ResourceTypeOptInPreference": {
            name: True for name in ("Aurora", "DynamoDB", "EBS", "EC2", "RDS", "S3")
        },
        "ResourceTypeManagementPreference": {"DynamoDB": False, "EFS": True},
    }
    a.region(r, None, backup, {"ebs-default-encryption": WARN, "service-opted-in": PASS})
    a.default_vpc(r, NO_WORKLOADS)

    # The workload's subnet has a way to the internet, and the endpoint is on another table.
    public_vpc = a.vpc(r, "10.1.0.0/16", {**ENDPOINT_READY, "s3-gateway-endpoint-routed": WARN})
    public = a.subnet(r, public_vpc, "10.1.1.0/24")
    a.internet(r, public_vpc, a.main_table(r, public_vpc))
    a.gateway(r, public_vpc, [a.table_of(r, public_vpc, a.subnet(r, public_vpc, "10.1.2.0/24"))])
    # An interface endpoint for S3 and a gateway endpoint for DynamoDB are none.
    other = a.vpc(r, "10.2.0.0/16", NO_ENDPOINT)
    private = a.subnet(r, other, "10.2.1.0/24")
    a.interface_endpoint(r, other, private)
    a.gateway(r, other, [a.main_table(r, other)], "dynamodb")

    a.instance(r, "api", public, ENABLED, [(NONE, shared, {})])
    pending = a.instance(r, "starting", private, ENABLED, [(NONE, shared, {})], PASSING_STATE)
    a.override("DescribeInstances", {"InstanceId": pending}, {"State": {"Code": 0, "Name": "pending"}})
    # A product code that is not the Marketplace's.
    devpay = a.instance(r, "devpay", private, NONE, [(NONE, None, UNENCRYPTED)], UNENCRYPTED)
    code = {"ProductCodeId": "774f4ff8", "ProductCodeType": "devpay"}
    a.override("DescribeInstances", {"InstanceId": devpay}, {"ProductCodes": [code]})
    # Judged by the policy of the replica, which is shared; the primary's is not.
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
    a.table(r, "events", ENABLED, shared, NO_ADVANCED_FEATURES)
    a.table(r, "untagged", NONE, None, {**NO_ADVANCED_FEATURES, **NO_CUSTOMER_KEY_RECOMMENDED})
    a.database(r, "reports", CUSTOM, None, Engine="mysql")
    a.cluster(r, "catalogue", OTHERS, shared)


def eu_west_3(a: Account, central: Account) -> None:
    """DynamoDB is not opted in; endpoints that look like one."""
    r = "eu-west-3"
    shared = a.key(r)
    backup = {
        "ResourceTypeOptInPreference": {"DynamoDB": False, "EBS": True, "EC2": True, "RDS": True, "S3": True},
        "ResourceTypeManagementPreference": {"DynamoDB": True},
    }
    a.region(r, "", backup, {"ebs-default-encryption": WARN, "service-opted-in": WARN})

    # The interfaces of an endpoint and of a NAT gateway are no workloads.
    default, subnets, _ = a.default_vpc(r, NO_WORKLOADS)
    a.interface_endpoint(r, default, subnets[0], "kms")
    a.client("ec2", r).create_nat_gateway(SubnetId=subnets[1])
    # There, but not yet available.
    starting = a.vpc(r, "10.1.0.0/16", NO_ENDPOINT)
    first = a.subnet(r, starting, "10.1.1.0/24")
    endpoint = a.gateway(r, starting, [a.main_table(r, starting)])
    a.override("DescribeVpcEndpoints", {"VpcEndpointId": endpoint}, {"State": "pending"})
    # S3 Express is another service.
    express = a.vpc(r, "10.2.0.0/16", NO_ENDPOINT)
    second = a.subnet(r, express, "10.2.1.0/24")
    a.gateway(r, express, [a.main_table(r, express)], "s3express")
    # The route is there and leads nowhere.
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


def ap_southeast_1(a: Account) -> None:
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
        {"ebs-default-encryption": PASS, "service-opted-in": WARN},
    )
    vpc, subnets, main = a.default_vpc(r, ENDPOINT_READY)
    a.gateway(r, vpc, [main])
    a.client("ec2", r).create_network_interface(
        SubnetId=subnets[0], Description="AWS Lambda VPC ENI-thumbnails"
    )
    a.bucket(r, "media", ENABLED, shared)
    a.volume(r, "media", ENABLED, shared)
    a.table(r, "media", ENABLED, a.alias(r, "tables", shared))
    a.cluster(r, "media", ENABLED, shared, Engine="aurora-mysql")


def us_east_1(a: Account) -> None:
    """Nothing here decides by its tag, so neither do the region's settings. DynamoDB is off and unused."""
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
    a.default_vpc(r, NO_WORKLOADS)
    a.bucket(r, "empty-value", EMPTY, None, NO_CUSTOMER_KEY_RECOMMENDED)
    a.bucket(r, "custom", CUSTOM, None)
    a.volume(r, "untagged", OTHERS, None, UNENCRYPTED)
    a.volume(r, "disabled", DISABLED, None)
    a.database(r, "untagged", NONE, "", AWS_MANAGED_KEY)


def clean(a: Account, central: Account, third: Account) -> None:
    """Everything that is enabled is ready; what is not enabled does not decide."""
    for r in REGIONS:
        shared = a.key(r)
        a.region(r, shared, None, {"ebs-default-encryption": PASS, "service-opted-in": PASS})
        vpc, subnets, main = a.default_vpc(r, ENDPOINT_READY)
        a.gateway(r, vpc, [main])
        a.instance(r, "web", subnets[0], ENABLED, [(NONE, shared, {})])
        a.volume(r, "data", ENABLED, a.alias(r, "data", shared))
        a.bucket(r, f"assets-{r}", ENABLED, shared)
        a.table(r, "orders", ENABLED, shared)
        a.database(r, "billing", ENABLED, shared)
        a.cluster(r, "ledger", ENABLED, shared, members=(NONE, NONE))
    a.volume("eu-west-1", "untagged", NONE, None, UNENCRYPTED)
    a.bucket("eu-west-1", "scratch", DISABLED, None, versioning=None, lifecycle=None)
    a.multi_az_cluster("eu-west-3", "own-backups", CUSTOM, None, {})


def unknown(a: Account, central: Account, third: Account) -> None:
    """Nothing fails, but whether a key is shared depends on the organization."""
    empty(a, central, third, {"eu-central-1": {"service-opted-in": PASS}})
    organization = a.key("eu-central-1", "shared with the organization")
    a.volume("eu-central-1", "organization", ENABLED, organization, SHARED_ON_A_CONDITION_UNKNOWN)
    a.volume("eu-central-1", "data", ENABLED, a.key("eu-central-1"))


def empty(a: Account, central: Account, third: Account, but: dict[str, Findings] = {}) -> None:
    """A new account: default VPCs, and settings that nobody touched."""
    for r in REGIONS:
        a.default_vpc(r, NO_WORKLOADS)
        a.region(r, None, None, {"ebs-default-encryption": WARN, **but.get(r, {})})


VARIANTS = {"mixed": (mixed, 1), "clean": (clean, 0), "unknown": (unknown, 3), "empty": (empty, 0)}


def judge(resources: dict[str, Json]) -> None:
    """Verdicts and what decides, as the contract defines them over findings."""

    def regions_of(states: set[str], kinds: Optional[set[str]] = None) -> set[str]:
        found = (r for r in resources.values() if kinds is None or r["type"] in kinds)
        return {r["region"] for r in found if r["backup_tag"] in states}

    with_buckets = regions_of({"enabled"}, {"s3-bucket"})
    deciding = regions_of({"enabled", "unknown"})
    for resource in resources.values():
        findings, tag = resource["findings"], resource["backup_tag"]
        worst = next((s for s in (FAIL, UNKNOWN, WARN) if s in findings.values()), PASS)
        verdicts = {FAIL: "not-ready", UNKNOWN: "unknown", WARN: "at-risk", PASS: "ready"}
        resource["verdict"] = "exempt" if tag in ("disabled", "custom") else verdicts[worst]
        if resource["type"] in ("vpc", "region"):
            all_decide = resource["region"] in (with_buckets if resource["type"] == "vpc" else deciding)
        else:
            all_decide = tag == "enabled"
        resource["deciding"] = [rule for rule in findings if all_decide or rule in TAGGING_RULES]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--account", required=True)
    parser.add_argument("--variant", choices=VARIANTS, default="mixed")
    options = parser.parse_args()
    fill, exit_code = VARIANTS[options.variant]
    account, central, third = (Account(options.endpoint, it) for it in (options.account, CENTRAL, THIRD))
    fill(account, central, third)
    judge(account.resources)
    expectations = {"account": options.account, "resources": account.resources, "exit_code": exit_code}
    json.dump(expectations, sys.stdout, indent=1, sort_keys=True)
    print()


if __name__ == "__main__":
    main()
