//! The resource types of networks.

/// VPCs.
pub(super) const VPCS: [&str; 2] = ["aws_vpc", "aws_default_vpc"];
/// Subnets.
pub(super) const SUBNETS: [&str; 2] = ["aws_subnet", "aws_default_subnet"];
/// Route tables, and VPCs as the owners of their main route tables.
pub(super) const TABLES: [&str; 4] = [
    "aws_route_table",
    "aws_default_route_table",
    "aws_vpc",
    "aws_default_vpc",
];

/// Groups of subnets in which a service runs, by the attribute that names the group.
pub(super) const SUBNET_GROUPS: [(&str, &[&str]); 5] = [
    (
        "db_subnet_group_name",
        &["aws_db_subnet_group", "aws_docdb_subnet_group"],
    ),
    ("cluster_subnet_group_name", &["aws_redshift_subnet_group"]),
    ("neptune_subnet_group_name", &["aws_neptune_subnet_group"]),
    (
        "replication_subnet_group_id",
        &["aws_dms_replication_subnet_group"],
    ),
    (
        "subnet_group_name",
        &[
            "aws_dax_subnet_group",
            "aws_elasticache_subnet_group",
            "aws_memorydb_subnet_group",
        ],
    ),
];

/// Attributes that name the subnets in which a resource runs.
pub(super) const SUBNET_ATTRIBUTES: [&str; 9] = [
    "client_subnets",
    "private_subnet_ids",
    "subnet",
    "subnet_id",
    "subnet_ids",
    "subnets",
    "subnet_id_list",
    "vpc_subnet_ids",
    "vpc_zone_identifier",
];

/// Types that name subnets but run nothing in them that reads from S3: parts of the network, and what AWS runs
/// for it. Every other type counts as a workload.
///
/// Source, checked on November 29, 2026:
/// <https://registry.terraform.io/providers/hashicorp/aws/latest/docs>.
pub(super) const NO_WORKLOADS: [&str; 44] = [
    "aws_alb",
    "aws_apigatewayv2_vpc_link",
    "aws_db_subnet_group",
    "aws_dax_subnet_group",
    "aws_default_network_acl",
    "aws_default_route_table",
    "aws_default_subnet",
    "aws_dms_replication_subnet_group",
    "aws_docdb_subnet_group",
    "aws_dx_gateway_association",
    "aws_ec2_client_vpn_network_association",
    "aws_ec2_client_vpn_route",
    "aws_ec2_instance_connect_endpoint",
    "aws_ec2_subnet_cidr_reservation",
    "aws_ec2_tag",
    "aws_ec2_transit_gateway_vpc_attachment",
    "aws_efs_mount_target",
    "aws_elasticache_subnet_group",
    "aws_elb",
    "aws_flow_log",
    "aws_globalaccelerator_endpoint_group",
    "aws_launch_template",
    "aws_lb",
    "aws_memorydb_subnet_group",
    "aws_nat_gateway",
    "aws_neptune_subnet_group",
    "aws_network_acl",
    "aws_network_acl_association",
    "aws_networkfirewall_firewall",
    "aws_networkmanager_vpc_attachment",
    "aws_quicksight_vpc_connection",
    "aws_ram_resource_association",
    "aws_redshift_subnet_group",
    "aws_route53_resolver_endpoint",
    "aws_route_table",
    "aws_route_table_association",
    "aws_security_group",
    "aws_ssm_parameter",
    "aws_subnet",
    "aws_vpc",
    "aws_vpc_endpoint",
    "aws_vpc_endpoint_subnet_association",
    "aws_vpclattice_service_network_vpc_association",
    "aws_vpn_gateway_attachment",
];
