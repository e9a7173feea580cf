"""AWS Storage Gateway, which moto lacks.

Facts of a region:
    gateway          a GatewayInfo, and its `tags`
    gateway-volume   a CachediSCSIVolume or StorediSCSIVolume, and its `tags`
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Optional

from facts import Facts
from fixes import Answer, instead_of
from wire import Call, Params, Reply

TYPES = {"DescribeCachediSCSIVolumes": "CACHED", "DescribeStorediSCSIVolumes": "STORED"}


def by_arn(facts: list[Params], member: str) -> dict[str, Params]:
    return {it[member]: it for it in sorted(facts, key=lambda it: str(it[member]))}


def gateways_of(call: Call, facts: Facts) -> dict[str, Params]:
    return by_arn(facts.of(call, "gateway"), "GatewayARN")


def volumes_of(call: Call, facts: Facts) -> dict[str, Params]:
    return by_arn(facts.of(call, "gateway-volume"), "VolumeARN")


def gateway_of(volume: str) -> str:
    return volume.partition("/volume/")[0]


def listed(tags: dict[str, str]) -> list[Params]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def invalid(call: Call, message: str) -> Reply:
    return call.error("InvalidGatewayRequestException", message)


@instead_of("storagegateway", "ListGateways")
def gateways(call: Call, facts: Facts) -> Answer:
    """https://docs.aws.amazon.com/storagegateway/latest/APIReference/API_ListGateways.html"""
    found = gateways_of(call, facts).values()
    return {"Gateways": [{name: it[name] for name in it if name != "tags"} for it in found]}


@instead_of("storagegateway", "DescribeGatewayInformation")
def gateway(call: Call, facts: Facts) -> Answer:
    """https://docs.aws.amazon.com/storagegateway/latest/APIReference/API_DescribeGatewayInformation.html"""
    found = gateways_of(call, facts).get(call.params["GatewayARN"])
    if not found:
        return invalid(call, "The specified gateway was not found.")
    shared = ("GatewayARN", "GatewayId", "GatewayName", "GatewayType", "HostEnvironment")
    return {
        **{name: found[name] for name in shared},
        "GatewayTimezone": "GMT",
        "GatewayState": "RUNNING",
        "GatewayNetworkInterfaces": [],
        "EndpointType": "STANDARD",
        "Tags": listed(found["tags"]),
    }


@instead_of("storagegateway", "ListVolumes")
def volumes(call: Call, facts: Facts) -> Answer:
    """Without a gateway, all volumes are returned. https://docs.aws.amazon.com/storagegateway/latest/APIReference/API_ListVolumes.html"""
    arn: Optional[str] = call.params.get("GatewayARN")
    if arn:
        found = gateways_of(call, facts).get(arn)
        if not found:
            return invalid(call, "The specified gateway was not found.")
        if found["GatewayType"] not in TYPES.values():
            return invalid(call, "The specified operation is not supported for this gateway type.")
    infos = []
    for volume in volumes_of(call, facts).values():
        of = gateway_of(volume["VolumeARN"])
        if arn in (None, of):
            names = ("VolumeARN", "VolumeId", "VolumeType", "VolumeSizeInBytes", "VolumeAttachmentStatus")
            info = {name: volume[name] for name in names}
            infos.append({**info, "GatewayARN": of, "GatewayId": of.rpartition("/")[2]})
    return {**({"GatewayARN": arn} if arn else {}), "VolumeInfos": infos}


@instead_of("storagegateway", "DescribeCachediSCSIVolumes")
@instead_of("storagegateway", "DescribeStorediSCSIVolumes")
def described(call: Call, facts: Facts) -> Answer:
    """All volumes of one gateway, which must have the type of the operation.
    https://docs.aws.amazon.com/storagegateway/latest/APIReference/API_DescribeCachediSCSIVolumes.html
    https://docs.aws.amazon.com/storagegateway/latest/APIReference/API_DescribeStorediSCSIVolumes.html"""
    arns, kind = call.params["VolumeARNs"], TYPES[call.name]
    all_volumes, all_gateways = volumes_of(call, facts), gateways_of(call, facts)
    if not arns or len({gateway_of(arn) for arn in arns}) != 1:
        return invalid(call, "The volumes in the request must be from one gateway.")
    of = all_gateways.get(gateway_of(arns[0]))
    if not of or any(arn not in all_volumes for arn in arns):
        return invalid(call, "The specified volume was not found.")
    if of["GatewayType"] != kind:
        return invalid(call, "The specified operation is not supported for this gateway type.")
    result = []
    for arn in sorted(set(arns)):
        volume = {name: value for name, value in all_volumes[arn].items() if name != "tags"}
        result.append({**volume, "CreatedDate": datetime(2026, 1, 5, tzinfo=timezone.utc)})
    return {f"{kind.capitalize()}iSCSIVolumes": result}


@instead_of("storagegateway", "ListTagsForResource")
def tags(call: Call, facts: Facts) -> Answer:
    """https://docs.aws.amazon.com/storagegateway/latest/APIReference/API_ListTagsForResource.html"""
    arn = call.params["ResourceARN"]
    found = {**gateways_of(call, facts), **volumes_of(call, facts)}.get(arn)
    if not found:
        return invalid(call, "The specified resource was not found.")
    return {"ResourceARN": arn, "Tags": listed(found["tags"])}
