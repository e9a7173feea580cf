//! The pagination tokens of list operations, in one table.

use std::collections::HashSet;

/// A page of a list operation.
pub trait Page: Send + 'static {
    /// Returns the token of the next page; `None` on the last page, whose token is missing or empty.
    fn next_token(&self) -> Option<&str>;
}

macro_rules! pages {
    ($($output:path: $token:ident,)*) => {
        $(impl Page for $output {
            fn next_token(&self) -> Option<&str> {
                self.$token.as_deref().filter(|token| !token.is_empty())
            }
        })*
    };
}

pages! {
    aws_sdk_backup::operation::list_backup_jobs::ListBackupJobsOutput: next_token,
    aws_sdk_backup::operation::list_backup_plans::ListBackupPlansOutput: next_token,
    aws_sdk_backup::operation::list_backup_selections::ListBackupSelectionsOutput: next_token,
    aws_sdk_backup::operation::list_backup_vaults::ListBackupVaultsOutput: next_token,
    aws_sdk_backup::operation::list_copy_jobs::ListCopyJobsOutput: next_token,
    aws_sdk_cloudformation::operation::describe_stacks::DescribeStacksOutput: next_token,
    aws_sdk_cloudformation::operation::list_exports::ListExportsOutput: next_token,
    aws_sdk_cloudformation::operation::list_stack_resources::ListStackResourcesOutput: next_token,
    aws_sdk_cloudwatch::operation::get_metric_data::GetMetricDataOutput: next_token,
    aws_sdk_dynamodb::operation::list_tables::ListTablesOutput: last_evaluated_table_name,
    aws_sdk_ec2::operation::describe_images::DescribeImagesOutput: next_token,
    aws_sdk_ec2::operation::describe_instances::DescribeInstancesOutput: next_token,
    aws_sdk_ec2::operation::describe_launch_template_versions::DescribeLaunchTemplateVersionsOutput: next_token,
    aws_sdk_ec2::operation::describe_network_interfaces::DescribeNetworkInterfacesOutput: next_token,
    aws_sdk_ec2::operation::describe_route_tables::DescribeRouteTablesOutput: next_token,
    aws_sdk_ec2::operation::describe_snapshots::DescribeSnapshotsOutput: next_token,
    aws_sdk_ec2::operation::describe_subnets::DescribeSubnetsOutput: next_token,
    aws_sdk_ec2::operation::describe_volumes::DescribeVolumesOutput: next_token,
    aws_sdk_ec2::operation::describe_vpc_endpoints::DescribeVpcEndpointsOutput: next_token,
    aws_sdk_ec2::operation::describe_vpcs::DescribeVpcsOutput: next_token,
    aws_sdk_efs::operation::describe_file_systems::DescribeFileSystemsOutput: next_marker,
    aws_sdk_fsx::operation::describe_data_repository_associations::DescribeDataRepositoryAssociationsOutput: next_token,
    aws_sdk_fsx::operation::describe_file_systems::DescribeFileSystemsOutput: next_token,
    aws_sdk_fsx::operation::describe_volumes::DescribeVolumesOutput: next_token,
    aws_sdk_iam::operation::list_attached_role_policies::ListAttachedRolePoliciesOutput: marker,
    aws_sdk_iam::operation::list_role_policies::ListRolePoliciesOutput: marker,
    aws_sdk_kms::operation::list_aliases::ListAliasesOutput: next_marker,
    aws_sdk_organizations::operation::list_accounts::ListAccountsOutput: next_token,
    aws_sdk_organizations::operation::list_accounts_for_parent::ListAccountsForParentOutput: next_token,
    aws_sdk_organizations::operation::list_organizational_units_for_parent::ListOrganizationalUnitsForParentOutput: next_token,
    aws_sdk_organizations::operation::list_roots::ListRootsOutput: next_token,
    aws_sdk_rds::operation::describe_db_clusters::DescribeDbClustersOutput: marker,
    aws_sdk_rds::operation::describe_db_instances::DescribeDbInstancesOutput: marker,
    aws_sdk_rds::operation::describe_option_groups::DescribeOptionGroupsOutput: marker,
    aws_sdk_redshift::operation::describe_clusters::DescribeClustersOutput: marker,
    aws_sdk_redshiftserverless::operation::list_namespaces::ListNamespacesOutput: next_token,
    aws_sdk_resourcegroupstagging::operation::get_resources::GetResourcesOutput: pagination_token,
    aws_sdk_s3::operation::list_buckets::ListBucketsOutput: continuation_token,
    aws_sdk_storagegateway::operation::list_gateways::ListGatewaysOutput: marker,
    aws_sdk_storagegateway::operation::list_volumes::ListVolumesOutput: marker,
}

/// The most pages that are read of one list: at 100 items per page, four times the largest quota of the
/// services that are read (DynamoDB tables: 10,000 per region; volumes: 100,000 with 500 per page).
///
/// Source: <https://docs.aws.amazon.com/general/latest/gr/aws-service-information.html> (November 2026).
pub(super) const MAX_PAGES: usize = 4_000;

/// The most items that all lists of a scan keep: twice the largest quota, 1,000,000 buckets of an account.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/BucketRestrictions.html> (November 2026).
pub(super) const MAX_ITEMS: usize = 2_000_000;

/// The tokens of a list, to find the ones that repeat.
///
/// The SDK ends a list without an error when a token repeats, and follows a circle of tokens forever.
#[derive(Debug, Default)]
pub(super) struct PageTokens {
    seen: HashSet<String>,
    pages: usize,
    has_next: bool,
}

impl PageTokens {
    /// Records a page. Returns why its next page cannot be read.
    pub(super) fn record_page(&mut self, page: &impl Page) -> Option<&'static str> {
        self.pages += 1;
        let token = page.next_token();
        self.has_next = token.is_some();
        match token {
            Some(token) if !self.seen.insert(token.to_owned()) => Some("a page token repeats"),
            Some(_) if self.pages >= MAX_PAGES => Some("the list has more than 4,000 pages"),
            _ => None,
        }
    }

    /// Whether the last page has a token of a next page.
    pub(super) fn has_next(&self) -> bool {
        self.has_next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Named(&'static str);

    impl Page for Named {
        fn next_token(&self) -> Option<&str> {
            Some(self.0).filter(|token| !token.is_empty())
        }
    }

    #[test]
    fn a_token_that_repeats_is_found_in_a_circle_of_any_length() {
        let mut tokens = PageTokens::default();
        for token in ["a", "b", "c"] {
            assert_eq!(tokens.record_page(&Named(token)), None);
            assert!(tokens.has_next());
        }
        assert_eq!(
            tokens.record_page(&Named("a")),
            Some("a page token repeats")
        );
    }

    #[test]
    fn the_last_page_has_no_token() {
        let mut tokens = PageTokens::default();
        assert_eq!(tokens.record_page(&Named("a")), None);
        assert_eq!(tokens.record_page(&Named("")), None);
        assert!(!tokens.has_next());
    }
}
