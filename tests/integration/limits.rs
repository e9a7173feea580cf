//! Files that are meant to exhaust time or memory, and the limits that they meet.

use std::fmt::Write;
use std::fs::{self, File};
use std::path::Path;

use serde_json::{Value, json};

use crate::support::command::{Run, backup_check, repository, run};

/// Runs a scan of a file with a text.
fn scan_text(name: &str, text: impl AsRef<[u8]>, more: &[&str]) -> Run {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(name), text).unwrap();
    scan_file(folder.path(), name, more)
}

fn scan_file(folder: &Path, name: &str, more: &[&str]) -> Run {
    run(backup_check(folder).args(["scan", name]).args(more))
}

fn assert_limit(run: &Run, words: &str) {
    assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{}", run.stderr);
    assert!(run.stderr.contains(words), "{words}: {}", run.stderr);
    assert!(run.stderr.len() < 1000, "{}", run.stderr);
}

/// Returns a template with nested loops, in which the innermost body is a table with a name.
fn nest_loops(depth: usize, collection: impl Fn(usize) -> Value, name: &str) -> String {
    let table = json!({"Type": "AWS::DynamoDB::Table", "Properties": {"TableName": name}});
    let mut body = json!({"Table${L0}": table});
    for level in 0..depth {
        let turns = json!([format!("L{level}"), collection(level), body]);
        body = json!({format!("Fn::ForEach::Loop{level}"): turns});
    }
    let resources = body;
    json!({"Transform": "AWS::LanguageExtensions", "Resources": resources}).to_string()
}

#[test]
fn loops_of_a_template_end_at_a_number_of_entries() {
    let ten = json!(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    let name = "${L0}${L1}${L2}${L3}${L4}${L5}${L6}${L7}";
    let template = nest_loops(8, |_| ten.clone(), name);
    assert!(template.len() < 1200);
    let scan = scan_text("loops.json", template, &[]);
    assert_limit(&scan, "Fn::ForEach makes more than 300000 values");
    // The same as CloudFormation itself makes them.
    let two = nest_loops(2, |_| ten.clone(), "t-${L0}-${L1}");
    let scan = scan_text("loops.json", two, &["--format", "json"]);
    assert!(scan.code != 2, "{}", scan.stderr);
}

#[test]
fn loops_of_a_template_end_at_a_number_of_bytes() {
    // Each level doubles the text of the next one.
    let double = |level: usize| match level {
        40 => json!(["xx"]),
        level => json!([format!("${{L{0}}}${{L{0}}}", level + 1)]),
    };
    let template = nest_loops(41, double, "${L0}");
    assert!(template.len() < 4000);
    let scan = scan_text("loops.json", template, &[]);
    assert_limit(&scan, "Fn::ForEach makes more than 16 MiB of text");
    // One long value in many places.
    let places = "${L0}".repeat(100_000);
    let template = nest_loops(1, |_| json!(["x".repeat(100_000)]), &places);
    let scan = scan_text("loops.json", template, &[]);
    assert_limit(&scan, "Fn::ForEach makes more than 16 MiB of text");
}

#[test]
fn templates_end_at_a_depth_a_number_of_values_and_a_size() {
    let resources =
        |value: &str| format!("Resources:\n  A: {{Type: 'AWS::S3::Bucket'}}\nX: {value}\n");
    for (name, text, words) in [
        (
            "a.yaml",
            resources(&"[".repeat(5_000)),
            "recursion limit exceeded",
        ),
        (
            "a.json",
            format!(
                "{{\"Resources\": {}1{}}}",
                "[".repeat(5_000),
                "]".repeat(5_000)
            ),
            "nested more than 100 levels deep",
        ),
        (
            "a.json",
            format!(
                "{{\"Resources\": {{}}, \"X\": [{}1]}}",
                "1,".repeat(400_000)
            ),
            "more than 300000 values",
        ),
        (
            "a.yaml",
            resources(&"x".repeat(17 << 20)),
            "a template has at most 16 MiB",
        ),
    ] {
        assert_limit(&scan_text(name, text, &[]), words);
    }
    let mut aliases = "Resources: {}\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let list = vec![format!("*a{}", level - 1); 10].join(", ");
        writeln!(aliases, "a{level}: &a{level} [{list}]").unwrap();
    }
    let scan = scan_text("aliases.yaml", aliases, &[]);
    assert_limit(&scan, "its aliases expand to more than 300000 values");
}

#[test]
fn nested_stacks_that_contain_themselves_are_read_a_few_times() {
    let mut text = "Resources:\n".to_owned();
    for number in 0..15 {
        let stack = "{Type: 'AWS::CloudFormation::Stack', Properties: {TemplateURL: self.yaml}}";
        writeln!(text, "  Stack{number}: {stack}").unwrap();
    }
    let scan = scan_text("self.yaml", text, &["--format", "json"]);
    assert!([0, 1, 3].contains(&scan.code), "{}", scan.stderr);
}

#[test]
fn outputs_of_nested_stacks_end_at_a_number_of_values() {
    let folder = tempfile::tempdir().unwrap();
    let many = vec!["x"; 50_000].join(", ");
    let inner = format!(
        "Resources: {{B: {{Type: 'AWS::S3::Bucket'}}}}\nOutputs: {{O: {{Value: [{many}]}}}}\n"
    );
    fs::write(folder.path().join("inner.yaml"), inner).unwrap();
    let uses = vec!["!GetAtt S.Outputs.O"; 50_000].join(", ");
    let outer = format!(
        "Resources:\n  S: {{Type: 'AWS::CloudFormation::Stack', Properties: {{TemplateURL: inner.yaml}}}}\nX: [{uses}]\n"
    );
    fs::write(folder.path().join("outer.yaml"), outer).unwrap();
    let scan = scan_file(folder.path(), "outer.yaml", &["--format", "json"]);
    assert!([0, 1, 3].contains(&scan.code), "{}", scan.stderr);
}

#[test]
fn a_file_of_any_depth_is_an_error() {
    for text in [
        format!(
            "{{\"snapshot_version\": 1, \"x\": {}",
            "[".repeat(1_000_000)
        ),
        format!(
            "{{\"format_version\": \"1.2\", \"x\": {}",
            "{\"a\":".repeat(1_000_000)
        ),
    ] {
        let scan = scan_text("deep.json", text, &[]);
        assert_limit(&scan, "not a snapshot of backup-check");
    }
}

/// Returns a Zstandard file of zeros: blocks of 128 KiB that repeat one byte.
///
/// Source: <https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1>.
fn compress_zeros(blocks: u32) -> Vec<u8> {
    // The magic number, no flags, and a window of 128 KiB.
    let mut file = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 7 << 3];
    for block in 0..blocks {
        let is_last = u32::from(block + 1 == blocks);
        let header = (128 << 10) << 3 | 1 << 1 | is_last;
        file.extend(&header.to_le_bytes()[..3]);
        file.push(0);
    }
    file
}

#[test]
fn a_file_that_decompresses_without_end_is_an_error() {
    // Less than the limit: what it contains is judged.
    let small = scan_text("small.zst", compress_zeros(8), &[]);
    assert_limit(&small, "small.zst is neither a JSON snapshot");
    let bomb = compress_zeros(100_000);
    assert!(bomb.len() < 500_000);
    let scan = scan_text("bomb.json.zst", bomb, &[]);
    assert_limit(&scan, "bomb.json.zst: decompresses to more than 381 MiB");
    let twice = compress_zeros(400).repeat(10);
    let scan = scan_text("twice.json.zst", twice, &[]);
    assert_limit(&scan, "decompresses to more than 64 MiB");
}

#[test]
fn a_file_that_is_larger_than_any_snapshot_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = File::create(folder.path().join("large.json")).unwrap();
    file.set_len((1 << 30) + 1).unwrap();
    for command in [["scan", "large.json"], ["convert", "large.json"]] {
        let run = run(backup_check(folder.path()).args(command));
        assert_limit(&run, "large.json: larger than ");
    }
}

/// Returns the plan of a volume whose key is an output of a module, whose outputs each refer to both outputs of
/// the next module, and so on.
fn plan_with_modules(depth: usize) -> Value {
    let refers_to_both = |module: &str| {
        let outputs = [format!("module.{module}.a"), format!("module.{module}.b")];
        let references = outputs
            .iter()
            .flat_map(|it| [it.clone(), format!("module.{module}")]);
        json!({"references": references.collect::<Vec<_>>()})
    };
    let both = json!({"references": ["var.x", "var.y"]});
    let module = |level: usize| {
        let next = format!("m{}", level + 1);
        let outputs = json!({"a": {"expression": both}, "b": {"expression": both}});
        let variables = json!({"x": {}, "y": {}});
        let (x, y) = (refers_to_both(&next), refers_to_both(&next));
        json!({
            "source": "./m", "expressions": {"x": x, "y": y},
            "module": {"outputs": outputs, "variables": variables},
        })
    };
    let calls: serde_json::Map<String, Value> = (0..depth)
        .map(|level| (format!("m{level}"), module(level)))
        .collect();
    let volume = json!({"address": "aws_ebs_volume.x", "mode": "managed", "type": "aws_ebs_volume", "name": "x"});
    let (mut change, mut config) = (volume.clone(), volume);
    change["change"] = json!({
        "actions": ["create"], "before": null, "after_unknown": {"kms_key_id": true},
        "after": {"availability_zone": "eu-west-1a", "size": 1, "encrypted": true, "tags": {"backup": "enabled"}},
    });
    config["provider_config_key"] = json!("aws");
    config["expressions"] = json!({"kms_key_id": refers_to_both("m0")});
    json!({
        "format_version": "1.2", "resource_changes": [change],
        "configuration": {"root_module": {"resources": [config], "module_calls": calls}},
    })
}

#[test]
fn expressions_that_refer_to_ever_more_expressions_are_unknown() {
    let plan = plan_with_modules(30).to_string();
    let scan = scan_text(
        "plan.json",
        plan,
        &["--region", "eu-west-1", "--format", "json"],
    );
    assert_eq!(scan.code, 3, "{}", scan.stderr);
    let report: Value = serde_json::from_str(&scan.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap();
    let shared = findings.iter().find(|it| it["rule"] == "kms-key-shared");
    assert_eq!(shared.expect("the volume has a key")["status"], "unknown");
}

/// Returns a snapshot with as many copies of a volume.
fn snapshot_with_volumes(count: usize) -> Value {
    let file = repository().join("fixtures/accounts/clean.json");
    let mut snapshot: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let regions = snapshot["regions"].as_object_mut().unwrap();
    let volumes = regions
        .values_mut()
        .filter_map(|it| it["volumes"]["items"].as_array_mut())
        .find(|it| !it.is_empty())
        .expect("a region has volumes");
    let one = volumes[0].clone();
    for number in 0..count {
        let mut volume = one.clone();
        let id = format!("vol-{number:017x}");
        let arn = one["arn"].as_str().unwrap();
        let (start, _) = arn.rsplit_once('/').unwrap();
        volume["arn"] = json!(format!("{start}/{id}"));
        volume["id"] = json!(id);
        volumes.push(volume);
    }
    snapshot
}

#[test]
fn evaluation_and_output_end_at_the_time_limit() {
    let folder = tempfile::tempdir().unwrap();
    let large = snapshot_with_volumes(4_000).to_string();
    fs::write(folder.path().join("large.json"), large).unwrap();
    let limited = ["--timeout", "1ms", "--format", "json=report.json", "table"];
    let scan = scan_file(folder.path(), "large.json", &limited);
    assert_eq!(scan.code, 3, "{}", scan.stderr);
    assert!(
        scan.stderr.contains("--timeout 1ms expired"),
        "{}",
        scan.stderr
    );
    let mut left = fs::read_dir(folder.path()).unwrap();
    assert!(left.all(|it| it.unwrap().file_name() == "large.json"));
    // With enough time, nothing changes.
    let enough = scan_file(folder.path(), "large.json", &["--timeout", "10m"]);
    let without = scan_file(folder.path(), "large.json", &[]);
    assert_eq!(
        (enough.code, &enough.stdout),
        (without.code, &without.stdout)
    );
}

#[cfg(unix)]
#[test]
fn a_file_that_is_replaced_keeps_its_permissions() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    let snapshot = repository().join("fixtures/accounts/clean.json");
    let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    for wanted in [0o600, 0o640, 0o664] {
        fs::write(&path, "before").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(wanted)).unwrap();
        let scan = scan_file(
            folder.path(),
            snapshot.to_str().unwrap(),
            &["--format", "json=report.json"],
        );
        assert_eq!(scan.code, 0, "{}", scan.stderr);
        assert_eq!(mode(), wanted);
        assert_ne!(fs::read_to_string(&path).unwrap(), "before");
    }
}
