//! Stack sets: each deploys another template, to the accounts and regions that it names.

use crate::model::service::Service;
use crate::source::planned::{add_gap, unplanned};

use super::build::Build;
use super::contents::{Contents, STACK_SET, find_contents};

/// Notes the stack sets of the template, unless their template is in it and has nothing that is checked.
pub(super) fn note_stack_sets(build: &mut Build<'_>) {
    for declared in build.of_type(STACK_SET) {
        let body = build.properties(&declared).get("TemplateBody");
        let text = build.text_with_stand_ins(&body).ok().flatten();
        let contents = text.map_or(Contents::Data, |it| find_contents(&it));
        let gap = unplanned(format!(
            "line {}: the stack set {} deploys another template to the accounts and regions that it names, which is not read; scan it too",
            declared.at.line, declared.id
        ));
        match contents {
            Contents::Unchecked => {}
            Contents::Infrastructure => {
                let region = build.region().to_owned();
                let message = gap.to_string();
                build
                    .planned
                    .note_partial(&region, Service::Cloudformation, message);
            }
            Contents::Data => add_gap(&mut build.stack_region().stacks.gap, &gap),
        }
    }
}
