//! Runbook for gateway endpoints.

use crate::fix::change::Step;
use crate::fix::shell::quote;

/// Returns the steps that create a gateway endpoint in a VPC whose subnets all reach the internet directly.
pub(in crate::fix) fn create_public_endpoint(
    region: &str,
    vpc_id: &str,
    tables: &[String],
) -> Vec<Step> {
    let tables: Vec<String> = tables.iter().map(|it| quote(it)).collect();
    vec![
        Step::note(
            "Every route table of the VPC has a route to an internet gateway, so S3 is reachable without an endpoint. Name the route tables of the subnets whose S3 traffic must stay inside AWS. Open connections to S3 from these subnets are dropped, and new connections use private source addresses: choose a quiet time.",
        ),
        Step::run(
            format!(
                "aws ec2 create-vpc-endpoint --region {} --vpc-id {} --vpc-endpoint-type Gateway --service-name {} --route-table-ids {}",
                quote(region),
                quote(vpc_id),
                quote(&format!("com.amazonaws.{region}.s3")),
                tables.join(" ")
            ),
            &["ec2:CreateVpcEndpoint"],
        ),
    ]
}
