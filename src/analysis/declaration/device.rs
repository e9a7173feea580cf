//! Block devices of instances, whose encryption is not an argument of the instance itself.
//!
//! Sources: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-ec2-instance-blockdevicemapping.html>,
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-ec2-launchtemplate-blockdevicemapping.html>,
//! <https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/instance#ebs-ephemeral-and-root-block-devices>,
//! <https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/launch_template#block-devices>.

use super::{Site, Written};
use crate::analysis::remedy::Language;
use crate::model::place::{BlockDevice, DeviceHolder};

impl Site<'_> {
    /// Returns what to write for the volume of a block device: its lines, in the block or the mapping of the device.
    pub(super) fn put_in_device(&self, written: Written) -> Written {
        let Some(device) = &self.facts.device else {
            return written;
        };
        let lines = match self.language {
            Language::Hcl => wrap_in_blocks(device, &written.lines),
            Language::Template => wrap_in_mapping(device, &written.lines),
        };
        match lines {
            Some(lines) => Written { lines, ..written },
            None => {
                let mut notes = vec![self.describe_device(device, &written.lines)];
                notes.extend(written.notes);
                Written {
                    notes,
                    lines: Vec::new(),
                    ..written
                }
            }
        }
    }

    /// Returns the sentence about a device whose name is not known.
    fn describe_device(&self, device: &BlockDevice, lines: &[String]) -> String {
        let address = match self.language {
            Language::Hcl => self.address,
            Language::Template => super::own_id(self.address),
        };
        let lines: Vec<String> = lines.iter().map(|it| format!("`{it}`")).collect();
        let lines = lines.join(" and ");
        match device.holder {
            DeviceHolder::Image => {
                let what = match device.is_root {
                    true => "root device",
                    false => "device",
                };
                format!(
                    "Add a block device mapping of {address} for the {what} of its image, with {lines}."
                )
            }
            _ => format!("Set {lines} in the block device mapping of {address}."),
        }
    }
}

/// Returns lines in the blocks of Terraform that declare a device.
fn wrap_in_blocks(device: &BlockDevice, lines: &[String]) -> Option<Vec<String>> {
    let name = device.name.as_ref();
    let name = name.map(|it| format!("device_name = {it:?}"));
    Some(match device.holder {
        DeviceHolder::Instance | DeviceHolder::Image if device.is_root => {
            wrap_lines("root_block_device", None, lines)
        }
        // The blocks are a set, so their indexes name none of them.
        DeviceHolder::Instance | DeviceHolder::Image => {
            wrap_lines("ebs_block_device", Some(name?), lines)
        }
        DeviceHolder::LaunchTemplate(_) => {
            let ebs = wrap_lines("ebs", None, lines);
            wrap_lines("block_device_mappings", Some(name?), &ebs)
        }
    })
}

fn wrap_lines(block: &str, first: Option<String>, lines: &[String]) -> Vec<String> {
    let inner = first.iter().chain(lines).map(|it| format!("  {it}"));
    let head = std::iter::once(format!("{block} {{"));
    head.chain(inner).chain(["}".to_owned()]).collect()
}

/// Returns lines in the properties of a template that map a device.
fn wrap_in_mapping(device: &BlockDevice, lines: &[String]) -> Option<Vec<String>> {
    let name = device.name.as_ref()?;
    let mut wrapped = vec![
        "BlockDeviceMappings:".to_owned(),
        format!("  - DeviceName: {name}"),
        "    Ebs:".to_owned(),
    ];
    wrapped.extend(lines.iter().map(|it| format!("      {it}")));
    if matches!(device.holder, DeviceHolder::LaunchTemplate(_)) {
        wrapped = wrapped.iter().map(|it| format!("  {it}")).collect();
        wrapped.insert(0, "LaunchTemplateData:".to_owned());
    }
    Some(wrapped)
}
