//! What a large account may cost: memory, which grows with the resources and not with the findings, and instructions.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::formats::snapshot;
use crate::support::apt::run_apt;
use crate::support::command::{backup_check, run};

/// The number of volumes that are added to an account: enough that the memory of threads and of their allocator does
/// not count.
const VOLUMES: usize = 6_000;
/// The most memory that a volume may need, in KiB, in a build without optimizations. Its nine findings took 20 KiB
/// when they were held.
const MOST_PER_VOLUME: usize = 7;

/// Returns the mixed account with more volumes under one of its keys, half of them without a tag.
fn large_account(volumes: usize) -> String {
    let mut snapshot = snapshot("mixed");
    let region = "eu-central-1";
    let key = snapshot["regions"][region]["ebs_defaults"]["kms_key"]["known"].clone();
    assert!(key.is_string());
    let items = snapshot["regions"][region]["volumes"]["items"]
        .as_array_mut()
        .unwrap();
    items.extend((0..volumes).map(|n| {
        let tags = match n % 2 {
            0 => json!({"backup": "enabled"}),
            _ => json!({}),
        };
        json!({
            "arn": format!("arn:aws:ec2:{region}:111122223333:volume/vol-f{n:016x}"),
            "id": format!("vol-f{n:016x}"),
            "tags": {"known": tags}, "state": {"known": "available"},
            "encrypted": {"known": true}, "kms_key": {"known": key}, "attached_to": {"known": []},
        })
    }));
    snapshot.to_string()
}

/// Returns the most memory that a scan had, in KiB.
fn peak_memory(file: &Path, format: &str) -> usize {
    let folder = file.parent().unwrap();
    let target = format!("{format}=out.{format}");
    let file = file.to_str().unwrap();
    let run = run(backup_check(folder).args(["scan", file, "--stats", "--format", &target]));
    let line = run
        .stderr
        .lines()
        .find(|it| it.ends_with(" of memory at most"));
    let mib = line.unwrap_or_else(|| panic!("{format}: {}", run.stderr));
    let mib: usize = mib.split(' ').next().unwrap().parse().unwrap();
    mib << 10
}

#[test]
fn memory_grows_with_resources_and_not_with_findings() {
    let folder = tempfile::tempdir().unwrap();
    let (small, large) = (
        folder.path().join("small.json"),
        folder.path().join("large.json"),
    );
    fs::write(&small, large_account(0)).unwrap();
    fs::write(&large, large_account(VOLUMES)).unwrap();
    for format in ["table", "json", "junit"] {
        let more = peak_memory(&large, format).saturating_sub(peak_memory(&small, format));
        assert!(
            more <= VOLUMES * MOST_PER_VOLUME,
            "{format}: {more} KiB more for {VOLUMES} volumes"
        );
    }
}

/// The most instructions that a volume may cost in a build without optimizations, from reading it to its findings in
/// JSON: 1.5 times those of November 2026.
const MOST_INSTRUCTIONS: u64 = 10_000_000;

/// Whether valgrind is there. Root gets it installed on Debian; tests of the core alone use it only where it is.
fn find_valgrind() -> bool {
    let apt = |arguments: &[&str]| run_apt(Path::new("/"), arguments);
    let install = || apt(&["install", "-y", "--no-install-recommends", "valgrind"]);
    if Command::new("valgrind").arg("--version").output().is_ok() {
        return true;
    }
    let is_needed = cfg!(feature = "aws");
    let is_there = is_needed && (install() || apt(&["update"]) && install());
    assert!(
        is_there == is_needed,
        "this test needs valgrind: install the package `valgrind`"
    );
    is_there
}

/// Returns the instructions of a scan of an account with more volumes.
fn count_instructions(folder: &Path, volumes: usize) -> u64 {
    let file = format!("{volumes}.json");
    fs::write(folder.join(&file), large_account(volumes)).unwrap();
    let program = backup_check(folder);
    let run = run(Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program.get_program())
        .args(["scan", &file, "--format", "json=out.json"])
        .current_dir(folder));
    let (_, count) = run.stderr.split_once("Collected : ").expect(&run.stderr);
    let count = count.split_whitespace().next().unwrap();
    count.parse().unwrap()
}

#[test]
fn instructions_grow_with_resources_and_not_with_their_square() {
    if !find_valgrind() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let [none, some, twice] = [0, 150, 300].map(|it| count_instructions(folder.path(), it));
    let (first, second) = ((some - none) / 150, (twice - some) / 150);
    assert!(
        first <= MOST_INSTRUCTIONS,
        "{first} instructions for a volume"
    );
    assert!(
        second <= first + first / 20,
        "{first}, then {second} instructions for a volume"
    );
}
