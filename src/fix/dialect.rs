//! The languages in which changes are written.

pub mod aws_cli;
pub mod cdk;
pub mod cloudformation;
pub mod key_policy;
pub mod terraform;

use std::io::Write;

use super::change::Change;
use crate::report::{Report, WriteError};

/// One dialect.
#[derive(Debug)]
pub struct Dialect {
    /// The name on the command line.
    pub name: &'static str,
    /// What it is, for the help text.
    pub about: &'static str,
    /// Writes changes in it.
    pub write: fn(&Report, &[Change], &mut dyn Write) -> Result<(), WriteError>,
    /// Returns a remark for the user if the dialect has no output for these changes.
    pub explain_empty: fn(&[Change]) -> Option<&'static str>,
}

/// Every dialect, the default first.
pub static DIALECTS: &[Dialect] = &[
    Dialect {
        name: "aws-cli",
        about: "A bash script for the AWS CLI that is safe to run unchanged",
        write: aws_cli::write,
        explain_empty: |_| None,
    },
    Dialect {
        name: "terraform",
        about: "Terraform code",
        write: terraform::write,
        explain_empty: |_| None,
    },
    Dialect {
        name: "cloudformation",
        about: "A part of a CloudFormation template",
        write: cloudformation::write,
        explain_empty: |_| None,
    },
    Dialect {
        name: "cdk",
        about: "Stacks for the AWS CDK, in TypeScript",
        write: cdk::write,
        explain_empty: |_| None,
    },
    Dialect {
        name: "policy",
        about: "The merged key policies alone, in JSON",
        write: key_policy::write,
        explain_empty: key_policy::explain_empty,
    },
];

impl Dialect {
    /// Returns the dialect with a name.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Dialect> {
        DIALECTS.iter().find(|it| it.name == name)
    }
}
