"""EC2, EBS, S3, DynamoDB, RDS and networks."""

from __future__ import annotations

from typing import Any, Optional

from account import Account
from expected import ENABLED, NONE, PASS, REGIONS, WARN, Findings, Json, Tag

# A volume of an instance: its tag, its key, and its difference from a ready volume.
Disk = tuple[Tag, Optional[str], Findings]


class Workloads(Account):
    # --- resources; `key` is None for no encryption, "" for the AWS managed key

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
        """An instance, and its attached volumes as separate resources."""
        ec2 = self.client("ec2", region)
        mappings = [
            {
                "DeviceName": f"/dev/sd{'abcdef'[index]}",
                "Ebs": {"VolumeSize": 8, "Encrypted": key is not None, **({"KmsKeyId": key} if key else {})},
            }
            for index, (_, key, _) in enumerate(volumes)
        ]
        # moto would attach another root volume.
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

    def measure(self, region: str, space: str, metric: str, dimensions: dict[str, str], gib: int) -> None:
        """A size in CloudWatch, of today."""
        named = [{"Name": name, "Value": value} for name, value in dimensions.items()]
        data = {"MetricName": metric, "Dimensions": named, "Value": float(gib << 30)}
        self.client("cloudwatch", region).put_metric_data(Namespace=space, MetricData=[data])

    def bucket(
        self,
        region: str,
        name: str,
        tag: Tag,
        key: Optional[str],
        but: Findings = {},
        versioning: Optional[str] = "Enabled",
        lifecycle: Optional[Json] = {"Status": "Enabled", "Prefix": ""},
    ) -> str:
        s3, name = self.client("s3", region), f"{name}-{self.account}"
        where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        s3.create_bucket(Bucket=name, **where)
        # moto itself counts the Standard class, which is empty.
        dimensions = {"StorageType": "GlacierInstantRetrievalStorage", "BucketName": name}
        self.measure(region, "AWS/S3", "BucketSizeBytes", dimensions, 2)
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
        arn = f"arn:aws:s3:::{name}"
        if region in REGIONS:
            self.expect(arn, name, "s3-bucket", region, tag, but)
        return arn

    def table(self, region: str, name: str, tag: Tag, key: Optional[str], but: Findings = {}) -> str:
        encryption = {"Enabled": True, "SSEType": "KMS", **({"KMSMasterKeyId": key} if key else {})}
        self.client("dynamodb", region).create_table(
            TableName=name,
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
            **({"SSESpecification": encryption} if key is not None else {}),
            **({"Tags": tag.listed(name)} if tag.tags else {}),
        )
        arn = self.arn("dynamodb", region, f"table/{name}")
        self.expect(arn, name, "dynamodb-table", region, tag, but)
        return arn

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

    def option_group(self, region: str, name: str, engine: str, version: str, *options: str) -> str:
        rds = self.client("rds", region)
        rds.create_option_group(
            OptionGroupName=name,
            EngineName=engine,
            MajorEngineVersion=version,
            OptionGroupDescription=name,
        )
        rds.modify_option_group(
            OptionGroupName=name, OptionsToInclude=[{"OptionName": option} for option in options]
        )
        return name

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
        """An Aurora cluster, or with an engine that is not Aurora's a Multi-AZ DB cluster or a cluster of
        another service. Its members lie in different zones and are no resources
        of their own."""
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
        space = {"neptune": "AWS/Neptune", "docdb": "AWS/DocDB"}.get(engine, "AWS/RDS")
        self.measure(region, space, "VolumeBytesUsed", {"DBClusterIdentifier": name}, 5)
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
        others = {"neptune": "neptune-cluster", "docdb": "documentdb-cluster"}
        kind = "aurora-cluster" if engine.startswith("aurora") else others.get(engine, "rds-cluster")
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
        """The VPC, its subnets and its main route table; AWS creates it with a route to the internet.
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
        """A route table for the subnet, instead of the main one."""
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
