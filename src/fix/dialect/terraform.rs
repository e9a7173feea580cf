//! `--as terraform`: blocks for Terraform 1.5 or newer and version 5 or 6 of the AWS provider.
//!
//! Existing objects are imported, so that the plan shows what changes. What the provider could only
//! change together with facts that the scan does not read, and what is made by hand, is in comments.
//!
//! Sources: <https://registry.terraform.io/providers/hashicorp/aws/latest/docs>,
//! <https://developer.hashicorp.com/terraform/language/import>.

mod block;
mod expression;

use std::collections::BTreeSet;
use std::io::{self, Write};

use hcl::{Block, Body, Expression};

use crate::fix::change::{Change, Method};
use crate::fix::describe::{describe_change, describe_manual_steps, describe_source};
use crate::fix::shell::sanitize_comment;
use crate::report::{Report, WriteError};
use block::{BlockBuilder, Blocks, provider_alias};
use expression::{object, string};

/// Writes the configuration.
///
/// # Errors
/// The writer failed.
pub fn write(report: &Report, changes: &[Change], out: &mut dyn Write) -> Result<(), WriteError> {
    let mut builder = BlockBuilder::default();
    let built: Vec<Blocks> = changes
        .iter()
        .map(|it| build_blocks(&mut builder, it))
        .collect();
    let with_blocks = built.iter().filter(|it| !it.blocks.is_empty()).count();
    write_comment(out, &describe_source(report))?;
    write_comment(
        out,
        &format!(
            "{with_blocks} of {} have blocks, at least in part; the others are comments.",
            changes.len()
        ),
    )?;
    if with_blocks == 0 {
        write_comment(out, "There is nothing to apply.")?;
    } else {
        for line in HEAD {
            write_comment(out, line)?;
        }
        writeln!(out)?;
        write_blocks(out, provider_blocks(report, builder.regions()))?;
    }
    for ((number, change), built) in (1..).zip(changes).zip(built) {
        writeln!(out)?;
        let mut lines = describe_change(number, change);
        lines.extend(built.comments);
        lines.extend(describe_manual_steps(&change.method));
        for line in lines {
            write_comment(out, &line)?;
        }
        write_blocks(out, built.blocks)?;
    }
    write_variables(changes, out)
}

/// Writes the declarations of the variables that the changes use, each once, in comments as the changes are.
fn write_variables(changes: &[Change], out: &mut dyn Write) -> Result<(), WriteError> {
    let names: BTreeSet<&str> = changes
        .iter()
        .filter_map(|change| match &change.method {
            Method::Declaration(declaration) => declaration.key_parameter.as_deref(),
            _ => None,
        })
        .collect();
    if names.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    write_comment(out, KEY_VARIABLES)?;
    for name in names {
        write_comment(out, &format!("  variable \"{name}\" {{"))?;
        write_comment(out, "    type = string")?;
        write_comment(out, "  }")?;
    }
    Ok(())
}

/// What to do with a variable that names a key.
const KEY_VARIABLES: &str = "Declare each variable in the modules that use it, and set it to the ARN of a customer managed key that is shared with the central account:";

/// What to know before applying the configuration.
const HEAD: [&str; 7] = [
    "Read the plan before you apply it: it must not destroy or replace anything.",
    "If another Terraform configuration declares an object, leave its blocks out here and set the same",
    "arguments and tags in that configuration. Two declarations of one object revert each other.",
    "Removing a block later reverts its change: a key gets the default policy, and versioning of a bucket",
    "is suspended. To stop managing an object, use a removed block with destroy = false.",
    "Required permissions are listed with each change. Terraform also needs permission to read what it",
    "changes.",
];

fn write_comment(out: &mut dyn Write, text: &str) -> Result<(), WriteError> {
    Ok(writeln!(out, "# {}", sanitize_comment(text))?)
}

fn write_blocks(out: &mut dyn Write, blocks: Vec<Block>) -> Result<(), WriteError> {
    if !blocks.is_empty() {
        let body: Body = blocks.into_iter().collect();
        let text = hcl::format::to_string(&body).map_err(io::Error::other)?;
        write!(out, "{text}")?;
    }
    Ok(())
}

fn build_blocks(builder: &mut BlockBuilder, change: &Change) -> Blocks {
    let mut blocks = Blocks::default();
    if let Method::InPlace(actions) = &change.method {
        for action in actions {
            builder.add_action(action, &mut blocks);
        }
    }
    blocks
}

/// Returns the required provider and its configuration for each region, limited to this account.
///
/// Source: <https://registry.terraform.io/providers/hashicorp/aws/latest/docs#argument-reference>.
fn provider_blocks(report: &Report, regions: &BTreeSet<String>) -> Vec<Block> {
    let aws = object([
        ("source", string("hashicorp/aws")),
        ("version", string(">= 5.0, < 7.0")),
    ]);
    let providers = Block::builder("required_providers")
        .add_attribute(("aws", aws))
        .build();
    let terraform = Block::builder("terraform")
        .add_attribute(("required_version", string(">= 1.5")))
        .add_block(providers)
        .build();
    let provider = |region: &String| {
        let block = Block::builder("provider")
            .add_label("aws")
            .add_attribute(("alias", string(&provider_alias(region))))
            .add_attribute(("region", string(region)));
        match &report.account_id {
            Some(account) => {
                let accounts = Expression::Array(vec![string(account)]);
                block.add_attribute(("allowed_account_ids", accounts))
            }
            None => block,
        }
        .build()
    };
    [terraform]
        .into_iter()
        .chain(regions.iter().map(provider))
        .collect()
}
