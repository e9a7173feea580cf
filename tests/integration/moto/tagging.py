"""The Resource Groups Tagging API: one list of the tagged resources of all services.

Besides the facts that other modules have with `tags` in them, facts of a region:
    tagged   ResourceARN and `tags` of a resource of a service that is nowhere else here
"""

from __future__ import annotations

from collections.abc import Iterator

from facts import Facts
from fixes import Answer, bucket_regions, instead_of
from moto.backends import get_backend
from moto.core.resource_tagging import iter_taggable_backends, make_tag_matcher
from wire import Call

# Kinds of facts with tags, and the member with their ARN.
ARNS = {
    "gateway": "GatewayARN",
    "gateway-volume": "VolumeARN",
    "namespace": "namespaceArn",
    "stack": "StackId",
    "tagged": "ResourceARN",
}


@instead_of("tagging", "GetResources")
def resources(call: Call, facts: Facts) -> Answer:
    """The tagged resources of the region, once each: a bucket only in its region, which
    moto returns everywhere; Redshift and what moto lacks, too.
    https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html

    A tag without a value has an empty one there; moto leaves it out for buckets.
    https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_Tag.html"""
    types = call.params.get("ResourceTypeFilters")
    arns = call.params.get("ResourceARNList")
    matches = make_tag_matcher(call.params.get("TagFilters"))
    homes = bucket_regions(call)
    found: dict[str, dict[str, str]] = {}
    for arn, tags in all_tagged(call, facts):
        there = homes.get(arn.removeprefix("arn:aws:s3:::"), call.region) == call.region
        if tags and there and (not arns or arn in arns) and is_of_type(arn, types) and matches(tags):
            found[arn] = tags
    return {
        "ResourceTagMappingList": [
            {
                "ResourceARN": arn,
                "Tags": [{"Key": key, "Value": value or ""} for key, value in tags.items()],
            }
            for arn, tags in found.items()
        ]
    }


def all_tagged(call: Call, facts: Facts) -> Iterator[tuple[str, dict[str, str]]]:
    for backend in iter_taggable_backends(call.account, call.region):
        for resource in backend.iter_tagged_resources():
            yield resource.arn, resource.tags
    # moto's list of tags omits these.
    for cluster in get_backend("redshift")[call.account][call.region].clusters.values():
        yield cluster.arn, {tag["Key"]: tag["Value"] for tag in cluster.tags}
    for kind, member in ARNS.items():
        for fact in facts.of(call, kind):
            if fact.get("StackStatus") != "DELETE_COMPLETE":
                yield fact[member], fact["tags"]


def is_of_type(arn: str, filters: list[str]) -> bool:
    """`ec2` or `ec2:volume`: the service of the ARN, and the beginning of its resource. A bucket's ARN has no
    type in it, and the volumes of a gateway follow its ARN."""
    if not filters:
        return True
    _, _, service, _, _, resource = arn.split(":", 5)
    kind = "bucket" if service == "s3" else resource.replace("/", ":").partition(":")[0]
    return service in filters or f"{service}:{kind}" in filters
