//! VPCs, for their traffic to S3. Source: EC2 API.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Gap, GapKind, Listing, Observed};

/// The networks of a region.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// The VPCs. Source: `DescribeVpcs`.
    #[serde(default)]
    pub vpcs: Listing<Vpc>,
    /// Their subnets. Source: `DescribeSubnets`.
    #[serde(default)]
    pub subnets: Listing<Subnet>,
    /// Their route tables. Source: `DescribeRouteTables`.
    #[serde(default)]
    pub route_tables: Listing<RouteTable>,
    /// Their network interfaces. Source: `DescribeNetworkInterfaces`.
    #[serde(default)]
    pub interfaces: Listing<NetworkInterface>,
    /// Their endpoints. Source: `DescribeVpcEndpoints`.
    #[serde(default)]
    pub endpoints: Listing<VpcEndpoint>,
    /// Why the lists lack parts of single VPCs, by the id of the VPC. Only plans and templates have such gaps.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub gaps: BTreeMap<String, VpcGaps>,
}

/// Replaces the id of a VPC that a plan or template does not contain, where it is not known which one it is.
pub const OUTSIDE_VPC: &str = "";

impl Network {
    /// Forgets the gaps of all VPCs that only say that a file does not contain what exists.
    pub fn forget_unplanned(&mut self) {
        forget_unplanned([
            &mut self.subnets.gap,
            &mut self.route_tables.gap,
            &mut self.interfaces.gap,
            &mut self.endpoints.gap,
        ]);
    }

    /// Returns why the list of subnets may lack some of a VPC.
    #[must_use]
    pub fn subnets_gap(&self, vpc: &Vpc) -> Option<&Gap> {
        let own = self.gaps.get(&vpc.id).and_then(|it| it.subnets.as_ref());
        self.subnets.gap.as_ref().or(own)
    }

    /// Returns why the list of route tables may lack some of a VPC.
    #[must_use]
    pub fn route_tables_gap(&self, vpc: &Vpc) -> Option<&Gap> {
        let own = self
            .gaps
            .get(&vpc.id)
            .and_then(|it| it.route_tables.as_ref());
        self.route_tables.gap.as_ref().or(own)
    }

    /// Returns why the list of network interfaces may lack some of a VPC.
    #[must_use]
    pub fn interfaces_gap(&self, vpc: &Vpc) -> Option<&Gap> {
        let own = self.gaps.get(&vpc.id).and_then(|it| it.interfaces.as_ref());
        self.interfaces.gap.as_ref().or(own)
    }

    /// Returns why the list of endpoints may lack some of a VPC.
    #[must_use]
    pub fn endpoints_gap(&self, vpc: &Vpc) -> Option<&Gap> {
        let own = self.gaps.get(&vpc.id).and_then(|it| it.endpoints.as_ref());
        self.endpoints.gap.as_ref().or(own)
    }

    /// Notes that subnets of some VPCs may be missing from the list: of any VPC, if none is named.
    pub fn note_subnets_gap(&mut self, vpc_ids: &[String], gap: &Gap) {
        if vpc_ids.is_empty() {
            note_gap(&mut self.subnets.gap, gap);
        }
        for id in vpc_ids {
            note_gap(&mut self.gaps.entry(id.clone()).or_default().subnets, gap);
        }
    }

    /// Notes that route tables of some VPCs may be missing from the list: of any VPC, if none is named.
    pub fn note_route_tables_gap(&mut self, vpc_ids: &[String], gap: &Gap) {
        if vpc_ids.is_empty() {
            note_gap(&mut self.route_tables.gap, gap);
        }
        for id in vpc_ids {
            note_gap(
                &mut self.gaps.entry(id.clone()).or_default().route_tables,
                gap,
            );
        }
    }

    /// Notes that endpoints of some VPCs may be missing from the list: of any VPC, if none is named.
    pub fn note_endpoints_gap(&mut self, vpc_ids: &[String], gap: &Gap) {
        if vpc_ids.is_empty() {
            note_gap(&mut self.endpoints.gap, gap);
        }
        for id in vpc_ids {
            note_gap(&mut self.gaps.entry(id.clone()).or_default().endpoints, gap);
        }
    }

    /// Notes that parts of some VPCs may be missing from the lists: of any VPC, if none is named.
    pub fn note_gaps(&mut self, vpc_ids: &[String], gaps: &VpcGaps) {
        if let Some(gap) = &gaps.subnets {
            self.note_subnets_gap(vpc_ids, gap);
        }
        if let Some(gap) = &gaps.route_tables {
            self.note_route_tables_gap(vpc_ids, gap);
        }
        if let Some(gap) = &gaps.endpoints {
            self.note_endpoints_gap(vpc_ids, gap);
        }
    }
}

/// Notes a gap. One that an account may close does not hide another one.
fn note_gap(known: &mut Option<Gap>, gap: &Gap) {
    if known
        .as_ref()
        .is_none_or(|it| it.kind == GapKind::Unplanned)
    {
        *known = Some(gap.clone());
    }
}

fn forget_unplanned(gaps: [&mut Option<Gap>; 4]) {
    for gap in gaps {
        if gap.as_ref().is_some_and(|it| it.kind == GapKind::Unplanned) {
            *gap = None;
        }
    }
}

/// A VPC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vpc {
    /// Its ARN.
    pub arn: String,
    /// `vpc-...`.
    pub id: String,
    /// Its `Name` tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether it is the region's default VPC.
    #[serde(default)]
    pub is_default: bool,
    /// The account that owns it: only the owner may add endpoints to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}

/// Why the lists of a region may lack parts of a VPC. A list may be complete for the other VPCs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VpcGaps {
    /// Why subnets may be missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnets: Option<Gap>,
    /// Why route tables may be missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route_tables: Option<Gap>,
    /// Why network interfaces may be missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interfaces: Option<Gap>,
    /// Why endpoints may be missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<Gap>,
}

impl VpcGaps {
    /// Forgets the gaps that only say that a file does not contain what exists.
    pub fn forget_unplanned(&mut self) {
        forget_unplanned([
            &mut self.subnets,
            &mut self.route_tables,
            &mut self.interfaces,
            &mut self.endpoints,
        ]);
    }
}

/// A subnet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subnet {
    /// `subnet-...`.
    pub id: String,
    /// Its VPC.
    pub vpc_id: String,
}

/// A route table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteTable {
    /// `rtb-...`.
    pub id: String,
    /// Its VPC.
    pub vpc_id: String,
    /// Whether subnets without an explicit association use it.
    pub main: bool,
    /// Subnets that name it themselves.
    pub subnets: Vec<String>,
    /// Its routes, as far as rules read them.
    pub routes: Vec<Route>,
}

/// A route to a gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// A CIDR block or a prefix list, `pl-...`; empty if a plan does not contain it.
    pub destination: String,
    /// `igw-...`, `vpce-...`, `nat-...`, `local`; empty if a plan does not contain it.
    pub target: String,
    /// `active`, `blackhole`; empty if the response has none.
    pub state: String,
}

/// A network interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkInterface {
    /// `eni-...`.
    pub id: String,
    /// Its VPC.
    pub vpc_id: String,
    /// Its subnet.
    pub subnet_id: String,
    /// `interface`, `nat_gateway`, `vpc_endpoint`, `lambda`, ...
    pub interface_type: String,
}

/// Types of network interfaces that AWS creates for its own infrastructure, so that nothing behind them
/// reads from S3 through the route table of their subnet. Every other type may belong to a workload:
/// `interface`, `efa`, `efa-only`, `lambda`, `evs`, and `branch` and `trunk` of containers.
///
/// Source, checked on November 29, 2026:
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_NetworkInterface.html>.
const INFRASTRUCTURE: [&str; 14] = [
    "api_gateway_managed",
    "aws_codestar_connections_managed",
    "ec2_instance_connect_endpoint",
    "efs",
    "gateway_load_balancer",
    "gateway_load_balancer_endpoint",
    "global_accelerator_managed",
    "iot_rules_managed",
    "load_balancer",
    "nat_gateway",
    "network_load_balancer",
    "quicksight",
    "transit_gateway",
    "vpc_endpoint",
];

impl NetworkInterface {
    /// Whether it may belong to a workload that reads from S3.
    ///
    /// Case and separators are ignored: EC2 returns `nat_gateway` although its API model has `natGateway`.
    #[must_use]
    pub fn may_run_workload(&self) -> bool {
        let fold = |text: &str| -> String {
            let letters = text.chars().filter(char::is_ascii_alphanumeric);
            letters.map(|it| it.to_ascii_lowercase()).collect()
        };
        let own = fold(&self.interface_type);
        !INFRASTRUCTURE.iter().any(|it| fold(it) == own)
    }
}

/// An endpoint of a VPC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VpcEndpoint {
    /// `vpce-...`.
    pub id: String,
    /// Its VPC.
    pub vpc_id: String,
    /// `Gateway`, `Interface`, `GatewayLoadBalancer`.
    pub endpoint_type: String,
    /// `com.amazonaws.<region>.<service>`.
    pub service_name: String,
    /// `available`, `pending`, ... AWS writes it in lower case where its own model does not.
    pub state: String,
    /// Its policy document, kept for gateway endpoints to S3 only.
    #[serde(default)]
    pub policy: Observed<String>,
}
