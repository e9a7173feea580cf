"""Start MiniStack on a free port, fill its account, print its URL, and stop when stdin ends."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request

import botocore.session
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

REGION = "eu-central-1"
ENABLED = {"Key": "backup", "Value": "enabled"}

# One call of each service that is filled with nothing: MiniStack loads a service at its first call, and answers
# nothing in the meantime.
FIRST_CALLS = {
    "backup": "ListBackupPlans",
    "cloudformation": "DescribeStacks",
    "efs": "DescribeFileSystems",
    "fsx": "DescribeFileSystems",
    "iam": "ListRoles",
    "organizations": "DescribeOrganization",
    "rds": "DescribeDBInstances",
    "redshift": "DescribeClusters",
    "redshift-serverless": "ListNamespaces",
    "resourcegroupstaggingapi": "GetResources",
    "storagegateway": "ListGateways",
    "sts": "GetCallerIdentity",
}


def start(port: int) -> subprocess.Popen[bytes]:
    """Start the emulator and wait until it answers."""
    server = subprocess.Popen(
        [os.path.join(os.path.dirname(sys.executable), "ministack")],
        env={**os.environ, "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    health = f"http://127.0.0.1:{port}/_ministack/health"
    for _ in range(600):
        try:
            urllib.request.urlopen(health, timeout=5).close()
            return server
        except OSError:
            time.sleep(0.1)
    server.kill()
    raise SystemExit("MiniStack did not start")


def fill(url: str) -> dict[str, str]:
    """Create resources of five services, and return the ids that AWS gives."""
    session = botocore.session.get_session()

    def client(service: str):
        return session.create_client(
            service,
            region_name=REGION,
            endpoint_url=url,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    s3, kms = client("s3"), client("kms")
    for bucket in ("versioned", "plain"):
        s3.create_bucket(
            Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [ENABLED]})
    s3.put_bucket_versioning(
        Bucket="versioned", VersioningConfiguration={"Status": "Enabled"}
    )
    key = kms.create_key()["KeyMetadata"]["Arn"]
    ec2 = client("ec2")
    tags = [{"ResourceType": "volume", "Tags": [ENABLED]}]
    zone = f"{REGION}a"
    volume = ec2.create_volume(AvailabilityZone=zone, Size=1, TagSpecifications=tags)
    locked = ec2.create_volume(
        AvailabilityZone=zone,
        Size=1,
        Encrypted=True,
        KmsKeyId=key,
        TagSpecifications=tags,
    )
    client("dynamodb").create_table(
        TableName="orders",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        Tags=[ENABLED],
    )
    for service, operation in FIRST_CALLS.items():
        try:
            client(service)._make_api_call(operation, {})
        except (ClientError, ResponseParserError):
            pass  # it lacks the service
    return {"volume": volume["VolumeId"], "locked": locked["VolumeId"]}


def main() -> None:
    """Serve until stdin ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    server = start(port)
    try:
        print(json.dumps({"url": url, **fill(url)}), flush=True)
        sys.stdin.read()
    finally:
        server.kill()


if __name__ == "__main__":
    main()
