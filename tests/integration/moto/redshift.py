"""Amazon Redshift: keys as AWS returns them, and the namespaces of Redshift Serverless.

Facts of a region:
    namespace   a Namespace, and its `tags`
"""

from __future__ import annotations

from facts import Facts
from fixes import Answer, instead_of, key_arn, patch_of
from wire import Call, Params


@patch_of("redshift", "DescribeClusters")
def clusters(call: Call, result: Params) -> None:
    """KmsKeyId is an ARN, of the AWS managed key by default, and absent without encryption.
    https://docs.aws.amazon.com/redshift/latest/APIReference/API_Cluster.html"""
    for cluster in result["Clusters"]:
        key = cluster.pop("KmsKeyId", None) or "alias/aws/redshift"
        if cluster.get("Encrypted"):
            cluster["KmsKeyId"] = key_arn(key, call.account, call.region)


@instead_of("redshift-serverless", "ListNamespaces")
def namespaces(call: Call, facts: Facts) -> Answer:
    """Not in moto. https://docs.aws.amazon.com/redshift-serverless/latest/APIReference/API_ListNamespaces.html"""
    found = facts.of(call, "namespace")
    return {"namespaces": [{name: it[name] for name in it if name != "tags"} for it in found]}
