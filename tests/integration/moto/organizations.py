"""AWS Organizations as a member account sees it. moto generates the ids of the member accounts.

Facts of an account:
    organization       an Organization: at least its Id and its MasterAccountId
    effective-policy   PolicyType, PolicyContent (a policy, as JSON)
"""

from __future__ import annotations

import json
from datetime import datetime, timezone

from facts import Facts
from fixes import Answer, instead_of
from wire import Call, Reply


@instead_of("organizations", "DescribeOrganization")
def organization(call: Call, facts: Facts) -> Answer:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeOrganization.html"""
    for it in facts.of_account(call, "organization"):
        arn, master = "arn:aws:organizations::", it["MasterAccountId"]
        made = {
            "Arn": f"{arn}{master}:organization/{it['Id']}",
            "FeatureSet": "ALL",
            "MasterAccountArn": f"{arn}{master}:account/{it['Id']}/{master}",
            "MasterAccountEmail": "master@example.com",
            "AvailablePolicyTypes": [],
        }
        return {"Organization": {**made, **it}}
    return not_in_use(call)


@instead_of("organizations", "DescribeEffectivePolicy")
def effective_policy(call: Call, facts: Facts) -> Answer:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeEffectivePolicy.html"""
    if not facts.of_account(call, "organization"):
        return not_in_use(call)
    if call.params.get("TargetId", call.account) != call.account:
        return call.error("AccessDeniedException", "You don't have permissions to access this resource.")
    for it in facts.of_account(call, "effective-policy"):
        if it["PolicyType"] == call.params["PolicyType"]:
            policy = {
                **it,
                "PolicyContent": json.dumps(it["PolicyContent"]),
                "TargetId": call.account,
                "LastUpdatedTimestamp": datetime(2026, 1, 5, tzinfo=timezone.utc),
            }
            return {"EffectivePolicy": policy}
    return call.error("EffectivePolicyNotFoundException", "There's no effective policy for this target.")


def not_in_use(call: Call) -> Reply:
    return call.error("AWSOrganizationsNotInUseException", "Your account is not a member of an organization.")
