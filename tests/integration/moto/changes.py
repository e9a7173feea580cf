"""Operations that change an account and that moto lacks: settings of AWS Backup, tags through the
tagging API."""

from __future__ import annotations

import json
from typing import Any

from backup import DEFAULTS
from facts import Facts
from fixes import Answer, instead_of, patch_of
from moto.backends import get_backend
from tagging import ARNS
from wire import Call, Params


@instead_of("backup", "UpdateRegionSettings")
def update_region_settings(call: Call, facts: Facts) -> Answer:
    """Not in moto. A map in the request replaces the existing one: AWS does not document
    whether it adds to it, and nothing that is sent here may rely on that.
    https://docs.aws.amazon.com/aws-backup/latest/devguide/API_UpdateRegionSettings.html"""
    known = facts.of(call, "backup-settings")
    known.append({**(known or [DEFAULTS])[-1], **call.params})
    return {}


@patch_of("ec2", "ModifyVpcEndpoint")
def modify_vpc_endpoint(call: Call, _: Params) -> None:
    """moto records the route tables without adding routes, and cannot reset the policy.
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyVpcEndpoint.html"""
    backend: Any = get_backend("ec2")[call.account][call.region]
    endpoint = backend.vpc_end_points[call.params["VpcEndpointId"]]
    for table in call.params.get("AddRouteTableIds", []):
        backend.create_route(
            table,
            None,
            gateway_id=endpoint.id,
            destination_prefix_list_id=endpoint.destination_prefix_list_id,
        )
    if call.params.get("ResetPolicy"):
        endpoint.policy_document = json.dumps(endpoint.DEFAULT_POLICY)


@instead_of("tagging", "TagResources")
def tag_resources(call: Call, facts: Facts) -> Answer:
    """moto supports only a few services. Other tags of a resource are kept.
    https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_TagResources.html"""
    return changed(call, facts, call.params["Tags"], [])


@instead_of("tagging", "UntagResources")
def untag_resources(call: Call, facts: Facts) -> Answer:
    """https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_UntagResources.html"""
    return changed(call, facts, {}, call.params["TagKeys"])


def changed(call: Call, facts: Facts, tags: Params, keys: list[str]) -> Params:
    refused = {}
    for arn in call.params["ResourceARNList"]:
        if not change(call, facts, arn, tags, keys):
            refused[arn] = {
                "StatusCode": 400,
                "ErrorCode": "InvalidParameterException",
                "ErrorMessage": "no such resource",
            }
    return {"FailedResourcesMap": refused}


def change(call: Call, facts: Facts, arn: str, tags: Params, keys: list[str]) -> bool:
    _, _, service, _, _, resource = arn.split(":", 5)
    for kind, member in ARNS.items():
        for fact in facts.of(call, kind):
            if fact[member] == arn:
                fact["tags"] = {k: v for k, v in fact["tags"].items() if k not in keys} | tags
                return True
    backend: Any
    if service == "ec2":
        backend = get_backend("ec2")[call.account][call.region]
        ident = resource.partition("/")[2]
        if tags:
            backend.create_tags([ident], tags)
        if keys:
            backend.delete_tags([ident], {key: None for key in keys})
        return True
    if service == "redshift":
        backend = get_backend("redshift")[call.account][call.region]
        if tags:
            backend.create_tags(arn, [{"Key": k, "Value": v} for k, v in tags.items()])
        if keys:
            backend.delete_tags(arn, keys)
        return True
    if service not in ("s3", "rds", "dynamodb", "efs", "elasticfilesystem"):
        return False
    name = "efs" if service == "elasticfilesystem" else service
    backend = get_backend(name)[call.account]["aws" if service == "s3" else call.region]
    if tags:
        backend.tag_resource(arn, tags)
    if keys:
        backend.untag_resource(arn, keys)
    return True
