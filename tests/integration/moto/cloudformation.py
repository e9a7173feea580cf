"""AWS CloudFormation. moto's version requires additional packages and creates the members itself.

Facts of a region:
    stack   a Stack, its `tags`, in `members` its StackResourceSummary list, and perhaps `exports`: values by name
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Optional

from facts import Facts
from fixes import Answer, instead_of
from wire import Call, Params, Reply

CREATED = datetime(2026, 1, 5, tzinfo=timezone.utc)
SUMMARY = ("StackId", "StackName", "StackStatus", "ParentId", "RootId")


def is_deleted(stack: Params) -> bool:
    return bool(stack["StackStatus"] == "DELETE_COMPLETE")


def stack_named(call: Call, facts: Facts) -> Optional[Params]:
    """A deleted stack has only its id: another stack may use its name."""
    asked = call.params["StackName"]
    for stack in facts.of(call, "stack"):
        if asked == stack["StackId"] or (asked == stack["StackName"] and not is_deleted(stack)):
            return stack
    return None


def no_stack(call: Call) -> Reply:
    return call.error("ValidationError", f"Stack with id {call.params['StackName']} does not exist")


@instead_of("cloudformation", "DescribeStacks")
def stacks(call: Call, facts: Facts) -> Answer:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html"""
    if "StackName" in call.params:
        named = stack_named(call, facts)
        if not named:
            return no_stack(call)
        found = [named]
    else:
        found = [stack for stack in facts.of(call, "stack") if not is_deleted(stack)]
    described = []
    for stack in found:
        rest = {name: stack[name] for name in stack if name not in ("tags", "members", "exports")}
        tags = [{"Key": key, "Value": value} for key, value in stack["tags"].items()]
        described.append({**rest, "CreationTime": CREATED, "Tags": tags})
    return {"Stacks": described}


@instead_of("cloudformation", "ListStacks")
def summaries(call: Call, facts: Facts) -> Answer:
    """Includes deleted stacks. https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ListStacks.html"""
    wanted = call.params.get("StackStatusFilter")
    found = [it for it in facts.of(call, "stack") if not wanted or it["StackStatus"] in wanted]
    parts = [{name: it[name] for name in SUMMARY if name in it} for it in found]
    return {"StackSummaries": [{**part, "CreationTime": CREATED} for part in parts]}


@instead_of("cloudformation", "ListStackResources")
def members(call: Call, facts: Facts) -> Answer:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ListStackResources.html"""
    stack = stack_named(call, facts)
    if not stack:
        return no_stack(call)
    status = {"ResourceStatus": "CREATE_COMPLETE", "LastUpdatedTimestamp": CREATED}
    return {"StackResourceSummaries": [{**status, **member} for member in stack["members"]]}


@instead_of("cloudformation", "ListExports")
def exports(call: Call, facts: Facts) -> Answer:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ListExports.html"""
    return {
        "Exports": [
            {"ExportingStackId": stack["StackId"], "Name": name, "Value": value}
            for stack in facts.of(call, "stack")
            if not is_deleted(stack)
            for name, value in stack.get("exports", {}).items()
        ]
    }
