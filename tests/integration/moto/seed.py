"""Fill an account in moto and print what a scan of it must find.

    python seed.py --endpoint http://127.0.0.1:PORT --account 111122223333 [--variant mixed] [--now T]

Every creation says beside it what the rules must make of the resource: `READY` of its type, but
for the differences named there. That is written by a reader of the rules, never taken from output.
"""

from __future__ import annotations

import argparse
import json
import sys

sys.dont_write_bytecode = True  # the sources are in a repository

from backups import Backups  # noqa: E402
from expected import (  # noqa: E402
    CENTRAL,
    CUSTOM,
    DISABLED,
    ENABLED,
    ENDPOINT_READY,
    IN_STACK,
    NONE,
    NOT_COVERED,
    NO_CENTRAL_COPY,
    NO_ORGANIZATION,
    NO_ROLE,
    NO_VAULT,
    NO_VOLUME_GATEWAY,
    NO_WORKLOADS,
    PASS,
    REGIONS,
    SHAREABLE,
    SHARED_ON_A_CONDITION_UNKNOWN,
    THIRD,
    UNENCRYPTED,
    WARN,
    Findings,
    judge,
)
from mixed import mixed  # noqa: E402
from others import Member  # noqa: E402


def clean(a: Backups, central: Backups, third: Backups) -> None:
    """Every enabled resource is ready and was copied; other resources are not gating."""
    a.organization(REGIONS)
    a.role("backup", "s3")
    a.itself({})
    for r in REGIONS:
        shared = a.key(r)
        a.region(r, shared, None, {"ebs-default-encryption": PASS, "service-opted-in": PASS})
        # The setup of the guide: one central key for every vault.
        a.vault(r, central.key(r, "not shared"))
        vpc, subnets, main = a.default_vpc(r, ENDPOINT_READY)
        a.gateway(r, vpc, [main])
        a.instance(r, "web", subnets[0], ENABLED, [(NONE, shared, {})])
        a.volume(r, "data", ENABLED, a.alias(r, "data", shared))
        a.bucket(r, f"assets-{r}", ENABLED, shared)
        a.table(r, "orders", ENABLED, shared)
        a.database(r, "billing", ENABLED, shared)
        a.cluster(r, "ledger", ENABLED, shared, members=(NONE, NONE))
        a.file_system(r, "home", ENABLED, shared)
        cached = a.gateway_of(r, "cached", "CACHED", ENABLED)
        a.gateway_volume(cached, "first", ENABLED, shared)
        a.gateway_volume(cached, "second", ENABLED, shared)
        member = a.volume(r, "in-stack", DISABLED, shared, IN_STACK)
        members: list[Member] = [("AWS::EC2::Volume", member), ("AWS::IAM::Role", "shop-role")]
        shop = a.stack(r, "shop", ENABLED, members)
        a.stack_proven(shop, a.arn("ec2", r, f"volume/{member}"))
    a.volume("eu-west-1", "untagged", NONE, None, UNENCRYPTED)
    a.bucket("eu-west-1", "scratch", DISABLED, None, versioning=None, lifecycle=None)
    a.multi_az_cluster("eu-west-3", "own-backups", CUSTOM, None, {})
    beside(a)
    a.all_proven()


def beside(a: Backups) -> None:
    """One resource of each type that not every region needs."""
    r = "eu-west-1"
    shared = a.key(r)
    stored = a.gateway_of(r, "stored", "STORED", DISABLED)
    a.gateway_volume(stored, "tapes", ENABLED, shared, kind="STORED")
    a.gateway_of(r, "files", "FILE_S3", DISABLED, NO_VOLUME_GATEWAY)
    a.warehouse(r, "reports", DISABLED, shared)
    a.namespace(r, "analytics", DISABLED, shared)
    a.other("fsx", r, "file-system/fs-0c1c2c3c4c5c6c7c8", ENABLED)
    a.secret(r, "password", DISABLED)
    a.parameter(r, "/shop/flag", NONE)
    zone = a.option_group(r, "zone", "oracle-ee", "19", "Timezone")
    a.database(r, "erp", ENABLED, shared, SHAREABLE, Engine="oracle-ee", OptionGroupName=zone)

    outer, inner = a.stack_id(r, "outer"), a.stack_id(r, "outer-data")
    table = a.table(r, "in-nested-stack", DISABLED, shared, IN_STACK)
    members: list[Member] = [("AWS::DynamoDB::Table", table.rpartition("/")[2])]
    a.stack(r, "outer-data", DISABLED, members, parent=outer)
    a.stack(r, "outer", ENABLED, [("AWS::CloudFormation::Stack", inner)])


def unknown(a: Backups, central: Backups, third: Backups) -> None:
    """Nothing fails for the member, but whether a key is shared depends on an organization that the
    account does not belong to. It has its own backup plans."""
    r = "eu-central-1"
    off = {**NOT_COVERED, **NO_VAULT}
    empty_regions(
        a,
        {
            r: {"service-opted-in": PASS, **NO_CENTRAL_COPY},
            "eu-west-1": NO_CENTRAL_COPY,
            "eu-west-3": off,
            "ap-southeast-1": off,
            "us-east-1": off,
        },
    )
    a.role("backup", "s3")
    a.itself(NO_ORGANIZATION)
    tag = {"ConditionType": "STRINGEQUALS", "ConditionKey": "backup", "ConditionValue": "enabled"}
    a.plan(r, {"SelectionName": "enabled", "ListOfTags": [tag]})
    a.vault(r, a.key(r), {"kms-key-usable": PASS})
    # Only operations that match the condition.
    equals = [{"ConditionKey": "aws:ResourceTag/backup", "ConditionValue": "enabled"}]
    a.plan(
        "eu-west-1",
        {"SelectionName": "all", "Resources": ["*"], "Conditions": {"StringEquals": equals}},
    )
    a.vault("eu-west-1", None)
    # A plan for other resources.
    team = {"ConditionType": "STRINGEQUALS", "ConditionKey": "team", "ConditionValue": "payments"}
    a.plan("eu-west-3", {"SelectionName": "payments", "ListOfTags": [team]})

    organization = a.key(r, "shared with the organization")
    first = a.volume(r, "organization", ENABLED, organization, SHARED_ON_A_CONDITION_UNKNOWN)
    second = a.volume(r, "data", ENABLED, a.key(r))
    a.proven(*(a.arn("ec2", r, f"volume/{volume}") for volume in (first, second)))


def empty(a: Backups, central: Backups, third: Backups) -> None:
    """A new account: it belongs to the organization but has no effective backup policy."""
    a.organization(None)
    a.itself(NO_ROLE)
    empty_regions(a, {r: {**NOT_COVERED, **NO_VAULT} for r in REGIONS})


def empty_regions(a: Backups, but: dict[str, Findings]) -> None:
    """Default VPCs and default settings."""
    for r in REGIONS:
        a.default_vpc(r, NO_WORKLOADS)
        a.region(r, None, None, {"ebs-default-encryption": WARN, **but[r]})


VARIANTS = {"mixed": (mixed, 1), "clean": (clean, 0), "unknown": (unknown, 3), "empty": (empty, 0)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--account", required=True)
    parser.add_argument("--variant", choices=VARIANTS, default="mixed")
    parser.add_argument("--now", type=float, help="when the jobs are counted from, in seconds since 1970")
    options = parser.parse_args()
    fill, exit_code = VARIANTS[options.variant]
    account, central, third = (
        Backups(options.endpoint, it, options.now) for it in (options.account, CENTRAL, THIRD)
    )
    fill(account, central, third)
    account.finish()
    judge(account.resources)
    expectations = {"account": options.account, "resources": account.resources, "exit_code": exit_code}
    json.dump(expectations, sys.stdout, indent=1, sort_keys=True)
    print()


if __name__ == "__main__":
    main()
