"""An account in moto: its clients, its keys, and what the report must say about it."""

from __future__ import annotations

import functools
import json
import urllib.request
from typing import Any, Optional

import boto3
from botocore.config import Config
from expected import JOB_TYPES, NO_BACKUP_YET, READY, SKIP, TAGGING, TAGGING_RULES, Findings, Json, Tag
from facts import SEEDING
from policies import policy


class Account:
    def __init__(self, endpoint: str, account: str) -> None:
        self.endpoint, self.account = endpoint, account
        self.resources: dict[str, Json] = {}
        self.credentials: Json = {"AccessKeyId": "seed", "SecretAccessKey": "seed", "SessionToken": None}
        # An account exists in moto as soon as a role in it is assumed.
        role = f"arn:aws:iam::{account}:role/seed"
        self.credentials = self.client("sts", "us-east-1").assume_role(RoleArn=role, RoleSessionName="seed")[
            "Credentials"
        ]
        self.client.cache_clear()

    @functools.cache  # noqa: B019
    def client(self, service: str, region: str) -> Any:
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=self.endpoint,
            aws_access_key_id=self.credentials["AccessKeyId"],
            aws_secret_access_key=self.credentials["SecretAccessKey"],
            aws_session_token=self.credentials["SessionToken"],
            config=Config(user_agent_extra=SEEDING, s3={"addressing_style": "path"}),
        )

    def control(self, what: str, data: Any) -> None:
        url = f"{self.endpoint}/__overlay__/{what}"
        urllib.request.urlopen(urllib.request.Request(url, json.dumps(data).encode(), method="POST")).read()

    def override(self, operation: str, match: Json, values: Json) -> None:
        override = {"account": self.account, "operation": operation, "match": match, "set": values}
        self.control("overrides", [override])

    def fact(self, region: str, kind: str, *items: Json) -> None:
        """Facts for services that moto lacks. An empty region means all regions."""
        self.control("facts", [{"account": self.account, "region": region, "kind": kind, "items": items}])

    def arn(self, service: str, region: str, resource: str) -> str:
        return f"arn:aws:{service}:{region}:{self.account}:{resource}"

    def expect(self, arn: str, label: str, kind: str, region: str, tag: Optional[Tag], but: Findings) -> None:
        """`label` makes differences readable: many ids are random."""
        state = tag.state if tag else None
        if state in ("disabled", "custom"):  # exempt: only the tagging rules look at it
            findings = {**{r: s for r, s in READY[kind].items() if r in TAGGING_RULES}, **TAGGING[state]}
            findings.update({rule: status for rule, status in but.items() if rule in TAGGING_RULES})
        else:
            findings = {**READY.get(kind, {}), **(TAGGING[state] if state else {})}
            if state == "enabled" and kind in JOB_TYPES:
                findings.update(NO_BACKUP_YET)
            findings.update(but)
        findings = {rule: status for rule, status in sorted(findings.items()) if status != SKIP}
        self.resources[arn] = {
            "label": label,
            "type": kind,
            "region": region,
            "backup_tag": state,
            "findings": findings,
        }

    # --- keys

    @functools.cache  # noqa: B019
    def key(self, region: str, kind: str = "shared") -> str:
        document = json.dumps({"Version": "2012-10-17", "Statement": policy(kind, self.account, region)})
        return str(
            self.client("kms", region).create_key(Description=kind, Policy=document)["KeyMetadata"]["Arn"]
        )

    def new_key(self, region: str, **options: Any) -> str:
        document = json.dumps({"Version": "2012-10-17", "Statement": policy("shared", self.account, region)})
        return str(self.client("kms", region).create_key(Policy=document, **options)["KeyMetadata"]["Arn"])

    def alias(self, region: str, name: str, key: str) -> str:
        self.client("kms", region).create_alias(AliasName=f"alias/{name}", TargetKeyId=key)
        return f"alias/{name}"

    def disabled_key(self, region: str) -> str:
        key = self.new_key(region, Description="disabled")
        self.client("kms", region).disable_key(KeyId=key.rpartition("/")[2])
        return key

    def doomed_key(self, region: str) -> str:
        key = self.new_key(region, Description="pending deletion")
        self.client("kms", region).schedule_key_deletion(KeyId=key.rpartition("/")[2], PendingWindowInDays=7)
        return key

    def replica_key(self, primary_region: str, region: str) -> str:
        """Shared only in the region of the replica: each key has its own policy."""
        primary = self.new_key(primary_region, Description="multi-Region", MultiRegion=True)
        self.client("kms", primary_region).replicate_key(
            KeyId=primary.rpartition("/")[2], ReplicaRegion=region
        )
        document = json.dumps(
            {"Version": "2012-10-17", "Statement": policy("not shared", self.account, primary_region)}
        )
        self.client("kms", primary_region).put_key_policy(
            KeyId=primary, PolicyName="default", Policy=document
        )
        return primary.replace(primary_region, region)
