//! Gateway endpoints for S3 that a file can declare next to its VPC.

use super::address::split_module;
use super::{Site, Written, own_id};
use crate::analysis::remedy::Language;

/// The end of the name of a main route table in the snapshot of a template.
const MAIN: &str = "/main";

impl Site<'_> {
    pub(super) fn write_endpoint(
        &self,
        vpc_id: &str,
        region: &str,
        route_tables: &[String],
    ) -> Written {
        let service = format!("com.amazonaws.{region}.s3");
        let fix =
            format!("Declare a gateway endpoint for {service} in the VPC, with its route tables.");
        let (separate, notes) = match self.language {
            Language::Hcl => self.write_endpoint_block(&service, route_tables),
            Language::Template => self.write_endpoint_properties(vpc_id, route_tables),
        };
        Written {
            separate,
            notes,
            fix,
            ..Written::default()
        }
    }

    fn write_endpoint_block(
        &self,
        service: &str,
        route_tables: &[String],
    ) -> (Vec<String>, Vec<String>) {
        let (prefix, label) = split_module(self.address);
        let module = self.address.get(..prefix).unwrap_or_default();
        let own = self.address.get(prefix..).unwrap_or_default();
        // Each instance of a VPC has its own endpoint.
        let index = own.split_once('[').map_or("", |(_, index)| index);
        let words = index.split(|c: char| !c.is_ascii_alphanumeric());
        let words = words.filter(|it| !it.is_empty()).map(|it| format!("_{it}"));
        let label = format!("{label}{}", words.collect::<String>());
        let mut tables = Vec::new();
        let mut elsewhere = Vec::new();
        for table in route_tables {
            // A module can only refer to what it declares itself, without its own name.
            let (outer, _) = split_module(table);
            match table.strip_prefix(module) {
                _ if table.starts_with("rtb-") => tables.push(format!("\"{table}\"")),
                Some(inner) if outer == prefix && inner.ends_with("_route_table_id") => {
                    tables.push(inner.to_owned());
                }
                Some(inner) if outer == prefix => tables.push(format!("{inner}.id")),
                _ => elsewhere.push(format!("`{table}`")),
            }
        }
        let separate = vec![
            format!("resource \"aws_vpc_endpoint\" \"{label}_s3_gateway\" {{"),
            format!("  vpc_id            = {own}.id"),
            format!("  service_name      = \"{service}\""),
            "  vpc_endpoint_type = \"Gateway\"".to_owned(),
            format!("  route_table_ids   = [{}]", tables.join(", ")),
            "}".to_owned(),
        ];
        let notes = match elsewhere.is_empty() {
            true => Vec::new(),
            false => vec![format!(
                "Add the ids of route tables in other modules to `route_table_ids`: {}.",
                elsewhere.join(", ")
            )],
        };
        (separate, notes)
    }

    fn write_endpoint_properties(
        &self,
        vpc_id: &str,
        route_tables: &[String],
    ) -> (Vec<String>, Vec<String>) {
        let own = own_id(self.address);
        // Stacks in front of the id of the VPC. Its template can refer to what it declares itself.
        let stack = vpc_id.strip_suffix(own).unwrap_or_default();
        let mut tables = Vec::new();
        let mut elsewhere = Vec::new();
        let mut notes = Vec::new();
        for table in route_tables {
            match table.strip_prefix(stack) {
                _ if table.starts_with("rtb-") => tables.push(table.clone()),
                _ if table.ends_with(MAIN) => notes.push(
                    "The main route table of the VPC has no logical id: associate the subnets that use it with a route table of the template, and add that to `RouteTableIds`.".to_owned(),
                ),
                Some(inner) if !inner.contains('/') => tables.push(self.refer_to_table(inner)),
                _ => elsewhere.push(format!("`{table}`")),
            }
        }
        if !elsewhere.is_empty() {
            notes.push(format!(
                "Pass the ids of route tables in other stacks as parameters, and add them to `RouteTableIds`: {}.",
                elsewhere.join(", ")
            ));
        }
        let mut lines = vec![
            format!("{own}S3GatewayEndpoint:"),
            "  Type: AWS::EC2::VPCEndpoint".to_owned(),
        ];
        lines.extend(self.condition.map(|it| format!("  Condition: {it}")));
        lines.extend([
            "  Properties:".to_owned(),
            format!("    VpcId: !Ref {own}"),
            "    ServiceName: !Sub com.amazonaws.${AWS::Region}.s3".to_owned(),
            "    VpcEndpointType: Gateway".to_owned(),
        ]);
        if !tables.is_empty() {
            lines.push("    RouteTableIds:".to_owned());
        }
        lines.extend(tables.iter().map(|it| format!("      - {it}")));
        (lines, notes)
    }

    /// Returns the reference to a route table of the same template, which may have a condition that the VPC does not
    /// have.
    fn refer_to_table(&self, id: &str) -> String {
        let mut places = self.snapshot.places.values();
        let place =
            places.find(|it| it.file == self.file && it.address.as_deref().map(own_id) == Some(id));
        let condition = place.and_then(|it| it.own_condition.as_deref());
        match condition.filter(|it| Some(*it) != self.condition) {
            Some(condition) => format!("!If [{condition}, !Ref {id}, !Ref AWS::NoValue]"),
            None => format!("!Ref {id}"),
        }
    }
}
