//! The program reads: what it can call is compared with the verbs that read.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::command::repository;

/// Verbs of operations that change nothing.
///
/// Source: <https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html>,
/// access levels List and Read.
const VERBS: [&str; 3] = ["Describe", "Get", "List"];

/// Operations that read with another verb: the region of a bucket.
const EXCEPTIONS: [&str; 1] = ["s3:HeadBucket"];

/// Operations of the SDK whose names begin as these do change something.
const CHANGES: [&str; 72] = [
    "accept_",
    "add_",
    "allocate_",
    "apply_",
    "assign_",
    "associate_",
    "attach_",
    "authorize_",
    "batch_write",
    "cancel_",
    "change_",
    "complete_",
    "copy_",
    "create_",
    "decline_",
    "decrease_",
    "delete_",
    "deregister_",
    "detach_",
    "disable_",
    "disassociate_",
    "enable_",
    "encrypt",
    "execute_",
    "export_",
    "failover_",
    "generate_",
    "import_",
    "increase_",
    "initiate_",
    "invite_",
    "invoke",
    "join_",
    "leave_",
    "modify_",
    "move_",
    "pause_",
    "promote_",
    "publish",
    "purchase_",
    "put_",
    "reboot_",
    "refresh_",
    "register_",
    "reject_",
    "release_",
    "remove_",
    "replace_",
    "reset_",
    "resize_",
    "restore_",
    "resume_",
    "retire_",
    "revoke_",
    "rollback_",
    "rotate_",
    "run_",
    "schedule_",
    "send_",
    "set_",
    "shutdown_",
    "signal_",
    "start_",
    "stop_",
    "switchover_",
    "tag_",
    "terminate_",
    "transact_write",
    "unassign_",
    "untag_",
    "update_",
    "upload_",
];

/// The only file with an operation that writes: objects in the bucket that --output names.
const STORE: &str = "source/aws/s3_store.rs";

/// Names that are no operations: a field of the rules of a backup plan, and why a scan ended.
const OTHERS: [&str; 2] = ["copy_actions", "stop_reason"];

fn source_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            source_files(&path, files);
        } else if path.extension().is_some_and(|it| it == "rs") {
            files.push(path);
        }
    }
}

/// Returns the code of a folder of `src` without tests and comments, by file.
fn code_of(folder: &str) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    source_files(&repository().join(folder), &mut files);
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        let lines = text.lines().filter(|it| !it.trim_start().starts_with("//"));
        let code = lines.collect::<Vec<_>>().join("\n");
        (path, code)
    };
    files.into_iter().map(read).collect()
}

/// Returns the texts in quotes that follow a word.
fn quoted_after<'c>(code: &'c str, word: &str) -> Vec<&'c str> {
    let places = code.match_indices(word);
    let texts = places.filter_map(|(at, _)| {
        let rest = code[at + word.len()..].trim_start();
        rest.strip_prefix('"')?.split('"').next()
    });
    texts.collect()
}

#[test]
fn every_operation_in_the_code_reads() {
    let mut operations = BTreeSet::new();
    let files = code_of("src/source/aws");
    for (_, code) in &files {
        for word in ["Operation::new(", "Operation::with_action("] {
            operations.extend(quoted_after(code, word));
        }
    }
    assert!(operations.len() >= 50, "{}", operations.len());
    for operation in &operations {
        let (_, name) = operation.split_once(':').expect("service and operation");
        let reads = VERBS.iter().any(|it| name.starts_with(it)) || EXCEPTIONS.contains(operation);
        assert!(reads, "{operation}");
    }
    // Nothing that changes something is called.
    for (path, code) in &files {
        for (at, _) in code.match_indices('.') {
            let name: String = code[at + 1..]
                .chars()
                .take_while(|c| c.is_ascii_lowercase() || *c == '_')
                .collect();
            let is_call = code[at + 1 + name.len()..].starts_with("()");
            let changes =
                CHANGES.iter().any(|it| name.starts_with(it)) && !OTHERS.contains(&name.as_str());
            let writes_output = path.ends_with(STORE) && name == "put_object";
            let is_allowed = !changes || writes_output;
            assert!(!is_call || is_allowed, "{}: .{name}()", path.display());
        }
    }
}

#[cfg(feature = "aws")]
#[test]
fn the_iam_policy_of_a_scan_only_reads() {
    use crate::collect::{User, json_of};
    let policy = json_of(&User::new().run(&["iam-policy"]));
    let statements = policy["Statement"].as_array().expect("statements");
    assert_eq!(statements.len(), 1);
    let actions = statements[0]["Action"].as_array().expect("actions");
    assert!(actions.len() >= 50, "{}", actions.len());
    for action in actions {
        let (_, name) = action.as_str().unwrap().split_once(':').unwrap();
        assert!(VERBS.iter().any(|it| name.starts_with(it)), "{action}");
        assert!(!name.contains('*'), "{action}");
    }
}

#[cfg(feature = "aws")]
#[test]
fn the_member_role_allows_what_the_iam_policy_allows() {
    use crate::actions::yaml;
    use crate::collect::{User, json_of};
    let policy = json_of(&User::new().run(&["iam-policy"]));
    let template = yaml(&User::new().run(&["iam-policy", "--stackset"]).stdout);
    let role = &template["Resources"]["Role"]["Properties"];
    let document = &role["Policies"][0]["PolicyDocument"];
    assert_eq!(*document, policy);
    assert_eq!(role["Policies"].as_array().unwrap().len(), 1);
    assert!(role["ManagedPolicyArns"].is_null());
    let trust = &role["AssumeRolePolicyDocument"]["Statement"];
    assert_eq!(trust.as_array().unwrap().len(), 1);
    assert_eq!(trust[0]["Action"], "sts:AssumeRole");
    assert_eq!(
        trust[0]["Principal"]["AWS"],
        "arn:${AWS::Partition}:iam::${TrustedAccount}:root"
    );
    let parameters = template["Parameters"].as_object().unwrap();
    let names: Vec<&str> = parameters.keys().map(String::as_str).collect();
    assert_eq!(names, ["ExternalId", "RoleName", "TrustedAccount"]);
    // The other services are left out of both.
    let one = User::new().run(&["iam-policy", "--stackset", "--service", "s3"]);
    assert!(one.stdout.contains("s3:GetBucketVersioning"));
    assert!(!one.stdout.contains("fsx:"), "{}", one.stdout);
}
