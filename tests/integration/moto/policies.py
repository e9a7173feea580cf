"""Key policies: the guide's, and variants."""

from __future__ import annotations

from typing import Any, Optional

from expected import CENTRAL, ORGANIZATION, Json


def allow(principal: Any, actions: Any, condition: Optional[Json] = None) -> Json:
    statement = {"Effect": "Allow", "Principal": principal, "Action": actions, "Resource": "*"}
    return {**statement, "Condition": condition} if condition else statement


def root(account: str) -> Json:
    return {"AWS": f"arn:aws:iam::{account}:root"}


def guide_statements(account: str, principal: str = f"arn:aws:iam::{CENTRAL}:root") -> list[Json]:
    """The two statements of the company guide, verbatim."""
    principals = {"AWS": [f"arn:aws:iam::{account}:user/KeyUser", principal]}
    use = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
    grants = ["kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant"]
    return [
        {"Sid": "Allow use of the key", **allow(principals, use)},
        {
            "Sid": "Allow attachment of persistent resources",
            **allow(principals, grants, {"Bool": {"kms:GrantIsForAWSResource": True}}),
        },
    ]


def of_organization(number: str) -> Json:
    return {"StringEquals": {"aws:PrincipalOrgID": number}}


def policy(kind: str, account: str, region: str) -> list[Json]:
    own = {"Sid": "Enable IAM User Permissions", **allow(root(account), "kms:*")}
    guide = guide_statements(account)
    role = f"arn:aws:iam::{account}:role"
    service_role = (
        f"arn:aws:iam::{CENTRAL}:role/aws-service-role/backup.amazonaws.com/AWSServiceRoleForBackup"
    )
    required = ["DescribeKey", "CreateGrant", "Decrypt", "ReEncryptFrom", "GenerateDataKeyWithoutPlaintext"]
    policies: dict[str, list[Json]] = {
        "shared": [own, *guide],
        "shared with the service role": [own, *guide_statements(account, service_role)],
        "shared by account id": [own, allow({"AWS": CENTRAL}, "kms:*")],
        "shared for ec2": [
            own,
            allow(
                root(CENTRAL), "kms:*", {"StringEquals": {"kms:ViaService": f"ec2.{region}.amazonaws.com"}}
            ),
        ],
        "shared for the required actions": [own, allow(root(CENTRAL), [f"kms:{name}" for name in required])],
        "not shared": [own],
        # The guide's condition on the wrong statement: only calls for grants have that condition key.
        "use only for grants": [
            own,
            allow(
                root(CENTRAL),
                [*guide[0]["Action"], *guide[1]["Action"]],
                {"Bool": {"kms:GrantIsForAWSResource": "true"}},
            ),
        ],
        # As in the AWS Control Tower sample.
        "shared with the organization": [own, allow({"AWS": "*"}, "kms:*", of_organization(ORGANIZATION))],
        "shared with another organization": [
            own,
            allow({"AWS": "*"}, "kms:*", of_organization("o-z9y8x7w6v5")),
        ],
        "shared with a unit of the organization": [
            own,
            allow(
                {"AWS": "*"},
                "kms:*",
                {
                    "ForAnyValue:StringLike": {
                        "aws:PrincipalOrgPaths": f"{ORGANIZATION}/r-ab12/ou-ab12-11111111/*"
                    }
                },
            ),
        ],
        "shared and denied": [
            own,
            *guide,
            {**allow(root(CENTRAL), ["kms:CreateGrant"]), "Effect": "Deny", "Sid": "No grants"},
        ],
        "shared with another role": [own, allow({"AWS": f"arn:aws:iam::{CENTRAL}:role/Admin"}, "kms:*")],
        "closed to the own account": [allow({"AWS": f"{role}/KeyAdmin"}, "kms:*"), *guide],
        "open to the backup role": [
            allow({"AWS": f"{role}/KeyAdmin"}, "kms:*"),
            allow(
                {"AWS": f"{role}/aws-controltower-BackupRole"},
                [
                    "kms:Decrypt",
                    "kms:DescribeKey",
                    "kms:CreateGrant",
                    "kms:GenerateDataKey*",
                    "kms:ReEncrypt*",
                ],
            ),
            *guide,
        ],
    }
    return policies[kind]
