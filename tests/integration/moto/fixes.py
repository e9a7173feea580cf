"""Where moto differs from AWS, for the operations that a scan sends. Each says what AWS does.

`INSTEAD` answers without moto, `PATCHES` changes a result that moto gave, `ERRORS` turns an error
of moto's into the result that AWS gives. They work on the members of the API model, never on text.
"""

from __future__ import annotations

from typing import Any, Optional, Union
from collections.abc import Callable

from facts import Facts
from moto.backends import get_backend
from wire import Call, Params, Reply

Answer = Union[Params, Reply, None]

INSTEAD: dict[tuple[str, str], Callable[[Call, Facts], Answer]] = {}
PATCHES: dict[tuple[str, str], Callable[[Call, Params], None]] = {}
ERRORS: dict[tuple[str, str, str], Params] = {}

# The default since January 2023: SSE-S3 for every new bucket.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-encryption-faq.html
ERRORS["s3", "GetBucketEncryption", "ServerSideEncryptionConfigurationNotFoundError"] = {
    "ServerSideEncryptionConfiguration": {
        "Rules": [
            {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}
        ]
    }
}


def instead(call: Call, facts: Facts) -> Answer:
    answer = INSTEAD.get((call.service, call.name))
    return wrong_region(call) or (answer(call, facts) if answer else None)


def patches(call: Call) -> bool:
    return (call.service, call.name) in PATCHES


def patch(call: Call, result: Params) -> None:
    if patches(call):
        PATCHES[call.service, call.name](call, result)


def after_error(call: Call, reply: Reply) -> Optional[Params]:
    if (call.service, call.name) not in {(service, name) for service, name, _ in ERRORS}:
        return None
    code = call.read(reply)["Error"]["Code"]
    return ERRORS.get((call.service, call.name, code))


def completes(call: Call) -> bool:
    """Fills in a parameter for which AWS has a default and moto has none."""
    # PolicyName is optional since 2023, with the one value there is as its default.
    # https://docs.aws.amazon.com/kms/latest/APIReference/API_GetKeyPolicy.html
    if call.name == "GetKeyPolicy" and "PolicyName" not in call.params:
        call.params["PolicyName"] = "default"
        return True
    return False


def instead_of(service: str, operation: str) -> Callable[[Any], Any]:
    return lambda function: INSTEAD.setdefault((service, operation), function)


def patch_of(service: str, operation: str) -> Callable[[Any], Any]:
    return lambda function: PATCHES.setdefault((service, operation), function)


# --- KMS


def keys_of(account: str, region: str) -> Any:
    return get_backend("kms")[account][region]


def key_arn(value: str, account: str, region: str) -> str:
    """The ARN of the key behind an id, alias, alias ARN or key ARN; the value if there is none."""
    if ":key/" in value:
        return value
    try:
        return str(keys_of(account, region).describe_key(value).arn)
    except KeyError:
        return value


@instead_of("kms", "DescribeKey")
@instead_of("kms", "GetKeyPolicy")
def key_of_another(call: Call, _: Facts) -> Answer:
    """AWS checks the region and the account of a key ARN; moto reads only the id.

    A key of another region is not found. One of another account can be described if its policy
    admits the caller's account; GetKeyPolicy never works across accounts.
    https://docs.aws.amazon.com/kms/latest/APIReference/API_DescribeKey.html
    https://docs.aws.amazon.com/kms/latest/APIReference/API_GetKeyPolicy.html ("Cross-account use: No")
    """
    if not call.params["KeyId"].startswith("arn:"):
        return None
    _, _, _, region, account, _ = call.params["KeyId"].split(":", 5)
    if region != call.region:
        return call.error("NotFoundException", f"Invalid arn {region}")
    if account == call.account:
        return None
    foreign = keys_of(account, region)
    key = foreign.keys.get(foreign.get_key_id(call.params["KeyId"]))
    if call.name == "DescribeKey" and key and f"arn:aws:iam::{call.account}:root" in key.policy:
        result: Params = key.to_dict()
        described(call, result)
        return result
    who = f"arn:aws:sts::{call.account}:assumed-role/scan/test"
    return call.error(
        "AccessDeniedException",
        f"User: {who} is not authorized to perform: kms:{call.name} on resource: {call.params['KeyId']} "
        "because no resource-based policy allows the action",
    )


@patch_of("kms", "DescribeKey")
def described(call: Call, result: Params) -> None:
    metadata = result["KeyMetadata"]
    key = keys_of(metadata["AWSAccountId"], call.region).keys[metadata["KeyId"]]
    # A key with an alias/aws/* alias is AWS managed; moto returns CUSTOMER for every key.
    # https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#aws-managed-cmk
    if any(alias.startswith("alias/aws/") for alias in key.aliases):
        metadata["KeyManager"] = "AWS"
    # CreateKey's defaults; moto returns null if the caller omits them.
    # https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html
    metadata["KeyUsage"] = metadata.get("KeyUsage") or "ENCRYPT_DECRYPT"
    metadata["MultiRegion"] = bool(metadata.get("MultiRegion"))


# --- EC2 and EBS


@instead_of("ec2", "GetEbsDefaultKmsKeyId")
def default_ebs_key(call: Call, _: Facts) -> Answer:
    """Not in moto. `alias/aws/ebs` by default, else the ARN of the chosen key.
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetEbsDefaultKmsKeyId.html"""
    chosen = get_backend("ec2")[call.account][call.region].default_kms_key_id
    # moto also stores the ARN of the AWS managed key here after it encrypted a volume with it.
    managed = key_arn("alias/aws/ebs", call.account, call.region)
    return {"KmsKeyId": "alias/aws/ebs" if chosen in ("", managed) else chosen}


@patch_of("ec2", "DescribeVolumes")
def volumes(call: Call, result: Params) -> None:
    """KmsKeyId is the key's ARN; moto returns the parameter of CreateVolume.
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Volume.html"""
    for volume in result["Volumes"]:
        if volume.get("KmsKeyId"):
            volume["KmsKeyId"] = key_arn(volume["KmsKeyId"], call.account, call.region)


@patch_of("ec2", "DescribeNetworkInterfaces")
def network_interfaces(call: Call, result: Params) -> None:
    """Interfaces of endpoints and NAT gateways have their own type and owner.
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_NetworkInterface.html"""
    backend = get_backend("ec2")[call.account][call.region]
    owners = {
        interface: ("vpc_endpoint", f"VPC Endpoint Interface {endpoint.id}")
        for endpoint in backend.vpc_end_points.values()
        for interface in endpoint.network_interface_ids
    }
    for gateway in backend.nat_gateways.values():
        for address in gateway.address_set:
            # The API model's enum has natGateway, the wire has nat_gateway.
            owners[address["networkInterfaceId"]] = ("nat_gateway", f"Interface for NAT Gateway {gateway.id}")
    for interface in result["NetworkInterfaces"]:
        if interface["NetworkInterfaceId"] in owners:
            kind, description = owners[interface["NetworkInterfaceId"]]
            interface.update(InterfaceType=kind, Description=description, RequesterManaged=True)


@patch_of("ec2", "DescribeRegions")
def regions(call: Call, result: Params) -> None:
    """Only the regions of the caller's partition; moto lists China and GovCloud too."""
    result["Regions"] = [
        region for region in result["Regions"] if not region["RegionName"].startswith(("cn-", "us-gov-"))
    ]


def region_status(call: Call, result: Params, disabled: set[str]) -> None:
    """Regions that are not enabled are listed only with AllRegions; filters apply.
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeRegions.html"""
    filters = {f["Name"]: f["Values"] for f in call.params.get("Filters", [])}
    kept = []
    for region in result["Regions"]:
        if region["RegionName"] in disabled:
            region["OptInStatus"] = "not-opted-in"
        hidden = region["OptInStatus"] == "not-opted-in" and not call.params.get("AllRegions")
        wanted = region["OptInStatus"] in filters.get("opt-in-status", [region["OptInStatus"]])
        if wanted and not hidden:
            kept.append(region)
    result["Regions"] = kept


# --- RDS, DynamoDB and EFS


@patch_of("rds", "DescribeDBInstances")
@patch_of("rds", "DescribeDBClusters")
def databases(call: Call, result: Params) -> None:
    """KmsKeyId is an ARN, and absent without encryption. moto returns the parameter, and says
    `default_kms_key_id` where AWS names its own key, for unencrypted clusters too.
    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DBCluster.html"""
    for database in result.get("DBInstances", []) + result.get("DBClusters", []):
        key = database.pop("KmsKeyId", None)
        if database.get("StorageEncrypted"):
            key = "alias/aws/rds" if key in (None, "default_kms_key_id") else key
            database["KmsKeyId"] = key_arn(key, call.account, call.region)


@instead_of("rds", "DescribeOptionGroups")
def option_groups(call: Call, _: Facts) -> Answer:
    """moto requires a name and does not return which options are permanent. AWS lists the groups
    that come with an engine too, without any options.
    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeOptionGroups.html
    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_Option.html"""
    backend = get_backend("rds")[call.account][call.region]
    found = []
    for group in backend.option_groups.values():
        known = {it["Name"]: it for it in backend.describe_option_group_options(group.engine_name)}
        options = []
        for option in group.options:
            about = known.get(option["OptionName"], {})
            stays = {name: bool(about.get(name)) for name in ("Persistent", "Permanent")}
            options.append({**option, **stays})
        found.append(option_group(call, group.name, group.engine_name, group.major_engine_version, options))
    for database in backend.databases.values():
        if database.option_group_name.startswith("default:"):
            version = database.option_group_name.rpartition(f"{database.engine}-")[2].replace("-", ".")
            group = option_group(call, database.option_group_name, database.engine, version, [])
            found += [] if group in found else [group]
    asked = [name for name in ("OptionGroupName", "EngineName", "MajorEngineVersion") if name in call.params]
    found = [it for it in found if all(it[name] == call.params[name] for name in asked)]
    if "OptionGroupName" in asked and not found:
        name = call.params["OptionGroupName"]
        return call.error("OptionGroupNotFoundFault", f"Specified OptionGroupName: {name} not found.", 404)
    return {"OptionGroupsList": found}


def option_group(call: Call, name: str, engine: str, version: str, options: list[Params]) -> Params:
    return {
        "OptionGroupName": name,
        "OptionGroupDescription": name,
        "EngineName": engine,
        "MajorEngineVersion": version,
        "Options": options,
        "AllowsVpcAndNonVpcInstanceMemberships": True,
        "OptionGroupArn": f"arn:aws:rds:{call.region}:{call.account}:og:{name}",
    }


@patch_of("dynamodb", "DescribeTable")
def table(call: Call, result: Params) -> None:
    """KMSMasterKeyArn is an ARN; moto returns the parameter of CreateTable.
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_SSEDescription.html"""
    encryption = result["Table"].get("SSEDescription", {})
    if encryption.get("KMSMasterKeyArn"):
        encryption["KMSMasterKeyArn"] = key_arn(encryption["KMSMasterKeyArn"], call.account, call.region)


@patch_of("elasticfilesystem", "DescribeFileSystems")
def file_systems(call: Call, result: Params) -> None:
    """KmsKeyId comes with encryption only, of the AWS managed key by default; `Marker` repeats the
    request's. https://docs.aws.amazon.com/efs/latest/ug/API_FileSystemDescription.html"""
    for file_system in result["FileSystems"]:
        key = file_system.pop("KmsKeyId", None) or "alias/aws/elasticfilesystem"
        if file_system.get("Encrypted"):
            file_system["KmsKeyId"] = key_arn(key, call.account, call.region)


# --- S3


def bucket_regions(call: Call) -> dict[str, str]:
    return {
        name: bucket.region_name for name, bucket in get_backend("s3")[call.account]["aws"].buckets.items()
    }


def wrong_region(call: Call) -> Optional[Reply]:
    """A bucket is served in its region. AWS redirects calls in other regions; moto serves them.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingRouting.html"""
    home = bucket_regions(call).get(call.params.get("Bucket", "")) if call.service == "s3" else None
    if home in (None, call.region):
        return None
    reply = call.error("PermanentRedirect", "The bucket must be addressed using the specified endpoint.", 301)
    return with_bucket_region(call, reply)


def with_bucket_region(call: Call, reply: Reply) -> Reply:
    """HeadBucket returns the region of an existing bucket in its errors too.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html"""
    home = bucket_regions(call).get(call.params.get("Bucket", "")) if call.service == "s3" else None
    if home and (call.name == "HeadBucket" or reply.status == 301):
        reply.headers.append(("x-amz-bucket-region", home))
    return reply


@patch_of("s3", "ListBuckets")
def buckets(call: Call, result: Params) -> None:
    """AWS returns BucketRegion if the request has a parameter; moto never returns it.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_Bucket.html"""
    homes = bucket_regions(call)
    for bucket in result["Buckets"] if call.params else []:
        bucket["BucketRegion"] = homes[bucket["Name"]]
