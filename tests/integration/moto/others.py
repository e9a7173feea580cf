"""EFS, Redshift, Storage Gateway, CloudFormation, and resources that are found only by their tag."""

from __future__ import annotations

import uuid
from typing import Any, Optional

from expected import ENABLED, PASS, REGIONS, Findings, Tag
from workloads import Workloads

# A member of a stack: its type, its physical id, and if it is not the usual one, its status.
Member = tuple[str, ...]


def shape_of(kind: str, number: int) -> str:
    """An id that is the same in every run."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{kind} {number}"))


class Others(Workloads):
    count = 0

    def next_id(self, kind: str) -> str:
        self.count += 1
        return shape_of(kind, self.count)

    # `key` is None for no encryption, "" for the AWS managed key

    def file_system(self, region: str, name: str, tag: Tag, key: Optional[str], but: Findings = {}) -> str:
        file_system = self.client("efs", region).create_file_system(
            CreationToken=name,
            Encrypted=key is not None,
            Tags=tag.listed(name),
            **({"KmsKeyId": key} if key else {}),
        )["FileSystemId"]
        arn = self.arn("elasticfilesystem", region, f"file-system/{file_system}")
        self.expect(arn, name, "efs-file-system", region, tag, but)
        return arn

    def warehouse(self, region: str, name: str, tag: Tag, key: Optional[str], but: Findings = {}) -> str:
        self.client("redshift", region).create_cluster(
            ClusterIdentifier=name,
            NodeType="ra3.large",
            MasterUsername="app",
            MasterUserPassword="Not-a-secret-1",
            Encrypted=key is not None,
            Tags=tag.listed(name),
            **({"KmsKeyId": key} if key else {}),
        )
        arn = self.arn("redshift", region, f"cluster:{name}")
        self.expect(arn, name, "redshift-cluster", region, tag, but)
        return arn

    def namespace(
        self, region: str, name: str, tag: Tag, key: str, but: Findings = {}, status: str = "AVAILABLE"
    ) -> str:
        """Always encrypted: with `AWS_OWNED_KMS_KEY` by default.
        https://docs.aws.amazon.com/redshift/latest/mgmt/serverless-workgroup-namespace.html"""
        number = self.next_id("namespace")
        arn = self.arn("redshift-serverless", region, f"namespace/{number}")
        namespace = {
            "namespaceArn": arn,
            "namespaceId": number,
            "namespaceName": name,
            "kmsKeyId": key,
            "status": status,
            "creationDate": "2026-01-05T00:00:00Z",
        }
        self.fact(region, "namespace", {**namespace, "tags": tag.named(name) if tag.tags else {}})
        self.expect(arn, name, "redshift-namespace", region, tag, but)
        return arn

    # --- gateways and their volumes

    def gateway_of(self, region: str, name: str, kind: str, tag: Tag, but: Findings = {}) -> str:
        number = f"sgw-{self.next_id('gateway')[:8].upper()}"
        arn = self.arn("storagegateway", region, f"gateway/{number}")
        gateway = {
            "GatewayARN": arn,
            "GatewayId": number,
            "GatewayType": kind,
            "GatewayOperationalState": "ACTIVE",
            "GatewayName": name,
            "HostEnvironment": "VMWARE",
        }
        self.fact(region, "gateway", {**gateway, "tags": tag.named(name) if tag.tags else {}})
        self.expect(arn, name, "storage-gateway", region, tag, but)
        return arn

    def gateway_volume(
        self,
        gateway: str,
        name: str,
        tag: Tag,
        key: Optional[str],
        but: Findings = {},
        kind: str = "CACHED",
        status: str = "AVAILABLE",
    ) -> str:
        region, number = gateway.split(":")[3], f"vol-{self.next_id('volume')[:8].upper()}"
        arn = f"{gateway}/volume/{number}"
        volume = {
            "VolumeARN": arn,
            "VolumeId": number,
            "VolumeType": f"{kind} iSCSI",
            "VolumeStatus": status,
            "VolumeAttachmentStatus": "ATTACHED",
            "VolumeSizeInBytes": 107374182400,
            **({"KMSKey": key} if key else {}),
        }
        self.fact(region, "gateway-volume", {**volume, "tags": tag.named(name) if tag.tags else {}})
        self.expect(arn, name, "storage-gateway-volume", region, tag, but)
        return arn

    # --- stacks

    def stack(
        self,
        region: str,
        name: str,
        tag: Tag,
        members: list[Member],
        but: Findings = {},
        status: str = "CREATE_COMPLETE",
        parent: Optional[str] = None,
        root: Optional[str] = None,
    ) -> str:
        """A nested stack needs the ids of its parents first: see `stack_id`."""
        arn = self.stack_id(region, name)
        resources: list[dict[str, Any]] = [
            {
                "LogicalResourceId": f"Member{number}",
                "ResourceType": member[0],
                "PhysicalResourceId": member[1],
                "ResourceStatus": (*member, "CREATE_COMPLETE")[2],
            }
            for number, member in enumerate(members)
        ]
        of = {"ParentId": parent, "RootId": root or parent} if parent else {}
        self.fact(
            region,
            "stack",
            {
                "StackId": arn,
                "StackName": name,
                "StackStatus": status,
                **of,
                "tags": tag.named(name) if tag.tags else {},
                "members": resources,
            },
        )
        nested: Findings = {"backup-not-duplicated": PASS} if parent else {}
        self.expect(arn, name, "cloudformation-stack", region, tag, {**nested, **but})
        return arn

    def stack_id(self, region: str, name: str) -> str:
        number = uuid.uuid5(uuid.NAMESPACE_OID, f"stack {region} {name}")
        return self.arn("cloudformation", region, f"stack/{name}/{number}")

    # --- resources that no service lists

    def secret(self, region: str, name: str, tag: Tag) -> None:
        """In the report only if it is `enabled`: it is found only by its tag."""
        arn = self.client("secretsmanager", region).create_secret(
            Name=name, SecretString="none", Tags=tag.listed(name)
        )["ARN"]
        if tag == ENABLED:
            self.expect(arn, name, "secret", region, tag, {})

    def parameter(self, region: str, name: str, tag: Tag) -> None:
        self.client("ssm", region).put_parameter(
            Name=name, Value="none", Type="String", Tags=tag.listed(name)
        )
        if tag == ENABLED:
            arn = self.arn("ssm", region, f"parameter/{name.lstrip('/')}")
            self.expect(arn, name, "ssm-parameter", region, tag, {})

    def other(self, service: str, region: str, resource: str, tag: Tag) -> str:
        """Only the tagging API returns it: its service has no such list here. AWS Backup supports its type."""
        arn = self.arn(service, region, resource)
        self.unsupported(arn, region, tag)
        if tag == ENABLED and region in REGIONS:
            self.expect(arn, resource, "other", region, tag, {})
            # The ARN shows its type.
            if service == "fsx":
                self.resources[arn]["type"] = "fsx-file-system"
        return arn

    def unsupported(self, arn: str, region: str, tag: Tag) -> None:
        """Tagged, but AWS Backup does not support its type: not in the report."""
        self.fact(region, "tagged", {"ResourceARN": arn, "tags": tag.named(arn.rpartition(":")[2])})
