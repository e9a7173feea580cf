"""Sends the calls of a scan with boto3 and 64 threads, for comparison: `python boto3_scan.py URL REGION...`.

Prints the number of volumes whose key policy names the central account. Needs boto3.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Lock

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

CENTRAL_ACCOUNT = "692653576357"
THREADS = 64

# Service and operation, for each region.
REGIONAL = [
    ("backup", "describe_region_settings"),
    ("backup", "list_backup_jobs"),
    ("backup", "list_backup_plans"),
    ("backup", "list_backup_vaults"),
    ("backup", "list_copy_jobs"),
    ("cloudformation", "describe_stacks"),
    ("dynamodb", "list_tables"),
    ("ec2", "describe_instances"),
    ("ec2", "describe_network_interfaces"),
    ("ec2", "describe_route_tables"),
    ("ec2", "describe_subnets"),
    ("ec2", "describe_vpc_endpoints"),
    ("ec2", "describe_vpcs"),
    ("ec2", "get_ebs_default_kms_key_id"),
    ("ec2", "get_ebs_encryption_by_default"),
    ("efs", "describe_file_systems"),
    ("fsx", "describe_file_systems"),
    ("rds", "describe_db_clusters"),
    ("rds", "describe_db_instances"),
    ("redshift", "describe_clusters"),
    ("redshift-serverless", "list_namespaces"),
    ("resourcegroupstaggingapi", "get_resources"),
    ("resourcegroupstaggingapi", "get_resources"),
    ("storagegateway", "list_gateways"),
]
# Once for the account.
GLOBAL = [("organizations", "describe_organization"), ("s3", "list_buckets"), ("sts", "get_caller_identity")]


def main() -> None:
    url, regions = sys.argv[1], sys.argv[2:]
    config = Config(max_pool_connections=THREADS, retries={"mode": "adaptive"})

    # Clients can be shared by threads, but not be made by several at once.
    session, making = boto3.session.Session(), Lock()

    @cache
    def make_client(service: str, region: str):
        return session.client(service, region_name=region, endpoint_url=url, config=config)

    def get_client(service: str, region: str):
        with making:
            return make_client(service, region)

    def send(service: str, operation: str, region: str) -> None:
        try:
            getattr(get_client(service, region), operation)()
        except ClientError:
            pass

    def list_volumes(region: str) -> list[dict]:
        pages = get_client("ec2", region).get_paginator("describe_volumes").paginate(MaxResults=500)
        return [volume for page in pages for volume in page["Volumes"]]

    def is_shared(key: str) -> bool:
        kms = get_client("kms", key.split(":")[3])
        kms.describe_key(KeyId=key)
        return CENTRAL_ACCOUNT in kms.get_key_policy(KeyId=key)["Policy"]

    with ThreadPoolExecutor(THREADS) as pool:
        listings = [pool.submit(list_volumes, region) for region in regions]
        sent = [pool.submit(send, *call, region) for region in regions for call in REGIONAL]
        sent += [pool.submit(send, *call, regions[0]) for call in GLOBAL]
        volumes = [volume for listing in listings for volume in listing.result()]
        keys = sorted({volume["KmsKeyId"] for volume in volumes})
        shared = dict(zip(keys, pool.map(is_shared, keys)))
        for call in sent:
            call.result()
    print(sum(shared[volume["KmsKeyId"]] for volume in volumes))


if __name__ == "__main__":
    main()
