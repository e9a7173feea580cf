//! Markdown as GitHub renders it: values are escaped, and the text fits.

use backup_check::evaluate::Options;
use backup_check::report::markdown::{LIMIT, write_within};
use backup_check::report::{
    Baseline, Comparison, EarlierFinding, Report, StaleState, StaleWaiver, Status, Waiver,
};
use serde_json::{Value, json};

use super::{hostile, render, report, snapshot};

/// Returns a line without its code spans: a run of backticks up to the next run of the same length.
fn without_code(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(at) = rest.find('`') {
        out.push_str(&rest[..at]);
        let opened = &rest[at..];
        let length = opened.len() - opened.trim_start_matches('`').len();
        let body = &opened[length..];
        let mut from = 0;
        let end = loop {
            let Some(next) = body[from..].find('`').map(|next| from + next) else {
                break None;
            };
            let run = body[next..].len() - body[next..].trim_start_matches('`').len();
            if run == length {
                break Some(next + run);
            }
            from = next + run;
        };
        let end = end.unwrap_or_else(|| panic!("unclosed code span: {line}"));
        out.push('C');
        rest = &body[end..];
    }
    out.push_str(rest);
    out
}

/// Checks that everything outside code spans is plain text, or one of the headings, tables, lists and
/// summaries of the report.
fn assert_harmless(text: &str) {
    let mut open = 0;
    for line in text.lines() {
        assert!(
            !line
                .chars()
                .any(|c| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c)),
            "{line:?}"
        );
        let (title, own) = match line {
            "<details>" => {
                open += 1;
                continue;
            }
            "</details>" => {
                open -= 1;
                continue;
            }
            _ => match line
                .strip_prefix("<summary>")
                .and_then(|it| it.strip_suffix("</summary>"))
            {
                Some(title) => (true, title.to_owned()),
                None => (false, without_code(line)),
            },
        };
        let own = own.trim_start_matches("### ").trim_start_matches("## ");
        for mark in [
            "<", ">", "@", "#", "://", "www.", "](", "&", "\\", "$", "~", "_",
        ] {
            assert!(!own.contains(mark), "{mark} in {line:?}");
        }
        assert!(title || !own.contains("[["), "{line}");
        if !line.starts_with('|') {
            assert!(!own.contains('|'), "{line:?}");
        }
    }
    assert_eq!(open, 0);
}

/// Returns the rows of the table of causes, by column.
fn causes(text: &str) -> Vec<Vec<String>> {
    let table = text.split("### Root causes").nth(1).unwrap_or_default();
    let rows = table.lines().filter(|line| line.starts_with('|')).skip(2);
    rows.map(|row| {
        let cells: Vec<String> = row.split('|').map(|cell| cell.trim().to_owned()).collect();
        assert_eq!(cells.len(), 8, "{row}");
        cells[1..7].to_vec()
    })
    .collect()
}

fn within(report: &Report, limit: usize) -> String {
    let mut out = Vec::new();
    write_within(report, limit, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Returns an account with volumes to be backed up, each with a different key that is not shared.
pub fn many_keys(number: usize) -> Value {
    let mut snapshot = snapshot("clean");
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::444455556666:root"}, "Action": "kms:*", "Resource": "*",
    }]});
    let mut volumes = Vec::new();
    for n in 0..number {
        let key =
            format!("arn:aws:kms:eu-central-1:444455556666:key/00000000-0000-4000-8000-{n:012}");
        volumes.push(json!({
            "arn": format!("arn:aws:ec2:eu-central-1:444455556666:volume/vol-{n:017x}"), "id": format!("vol-{n:017x}"),
            "tags": {"known": {"backup": "enabled", "Name": format!("{n} {}", "</details>|`@octocat ".repeat(8))}},
            "state": {"known": "in-use"}, "encrypted": {"known": true},
            "kms_key": {"known": key}, "attached_to": {"known": []},
        }));
        snapshot["keys"][key] = json!({
            "metadata": {"known": {"manager": "CUSTOMER", "state": "Enabled", "spec": "SYMMETRIC_DEFAULT", "usage": "ENCRYPT_DECRYPT", "origin": "AWS_KMS", "multi_region": false}},
            "policy": {"known": policy.to_string()},
        });
    }
    let listed = snapshot["regions"]["eu-central-1"]["volumes"]["items"].as_array_mut();
    listed.unwrap().extend(volumes);
    snapshot
}

#[test]
fn hostile_names_are_escaped() {
    let text = render("markdown", &report(hostile(), &Options::default()));
    assert_harmless(&text);
    // They are unchanged.
    for name in [
        "`</script><script>alert(1)</script>`",
        "`%0A::error::owned`",
        "``a|b`c`\\u{2028}d``",
        "`two\\nlines\\r\\nand ::warning file=x::more`",
        "`@sum(1+1)*cmd`",
    ] {
        assert!(text.contains(name), "{name}");
    }
    assert!(!causes(&text).is_empty());
}

#[test]
fn missing_data_comes_first() {
    let text = render(
        "markdown",
        &report(snapshot("no-access"), &Options::default()),
    );
    assert!(
        text.starts_with("## backup-check: INCOMPLETE, inconclusive\n\n**INCOMPLETE:**"),
        "{text}"
    );
    assert!(text.contains("### Could not be read"));
    let text = render("markdown", &report(snapshot("clean"), &Options::default()));
    assert!(
        text.starts_with("## backup-check: nothing fails\n\n**"),
        "{text}"
    );
    assert!(!text.contains("INCOMPLETE") && !text.contains("### Could not be read"));
}

#[test]
fn gating_causes_come_first() {
    let report = report(snapshot("mixed"), &Options::default());
    let rows = causes(&render("markdown", &report));
    let gates: Vec<bool> = rows.iter().map(|row| row[2] == "yes").collect();
    assert!(gates.contains(&true) && gates.contains(&false));
    assert!(gates.is_sorted_by(|a, b| a >= b), "{gates:?}");
    // Every rule that fails and gates somewhere has a row.
    for finding in &report.findings {
        if finding.gating && finding.status == Status::Fail {
            assert!(
                rows.iter()
                    .any(|row| row[1] == "fail" && row[2] == "yes" && row[3] == finding.rule.id),
                "{}",
                finding.rule.id
            );
        }
    }
}

#[test]
fn one_key_and_its_volumes_are_one_cause() {
    let mut snapshot = many_keys(12);
    let key = "arn:aws:kms:eu-central-1:444455556666:key/00000000-0000-4000-8000-000000000000";
    let volumes = snapshot["regions"]["eu-central-1"]["volumes"]["items"].as_array_mut();
    let is_ours = |it: &&mut Value| {
        it["id"]
            .as_str()
            .is_some_and(|it| it.starts_with("vol-0000"))
    };
    for volume in volumes.unwrap().iter_mut().filter(is_ours) {
        volume["kms_key"] = json!({"known": key});
    }
    let rows = causes(&render("markdown", &report(snapshot, &Options::default())));
    let shared: Vec<_> = rows
        .iter()
        .filter(|row| row[3] == "kms-key-shared")
        .collect();
    assert_eq!(shared.len(), 1, "{rows:?}");
    assert_eq!(shared[0][1..3], ["fail", "yes"]);
    assert_eq!(shared[0][5], "12 ebs-volumes");
}

#[test]
fn waivers_and_the_baseline_are_shown() {
    let mut report = report(snapshot("mixed"), &Options::default());
    let finding = report
        .findings
        .iter_mut()
        .find(|it| it.rule.id == "s3-versioning-enabled" && it.gating && it.status == Status::Fail)
        .unwrap();
    finding.gating = false;
    finding.waiver = Some(Box::new(Waiver {
        reason: "moves, see #12".to_owned(),
        owner: "@team-payments".to_owned(),
        expires: "2026-06-30".to_owned(),
    }));
    let waived = finding.resource.clone();
    report.findings[0].baseline = Some(Baseline::New);
    report.stale_waivers.push(StaleWaiver {
        state: StaleState::Expired,
        rule: "kms-key-shared".to_owned(),
        resource: "arn:aws:ec2:*|<b>".to_owned(),
        reason: String::new(),
        owner: "team-payments".to_owned(),
        expires: "2026-01-31".to_owned(),
        line: 7,
        findings: 2,
    });
    report.comparison = Some(Comparison {
        new: 1,
        unchanged: 4,
        fixed: vec![EarlierFinding {
            id: "5f0c9a3e6b1d2c47".to_owned(),
            rule: "kms-key-shared".to_owned(),
            resource: "<script>".to_owned(),
            status: Status::Fail,
        }],
        not_judged: Vec::new(),
    });
    let text = render("markdown", &report);
    assert_harmless(&text);
    for expected in [
        &format!(
            "- fail s3-versioning-enabled on `{waived}`: until 2026-06-30, `@team-payments`: moves, see `#12`\n"
        ),
        "Waived: 1.\n",
        "- line 7: kms-key-shared on `arn:aws:ec2:*|<b>` until 2026-01-31, team-payments: expired, 2 findings count again\n",
        "1 new, 4 unchanged, 1 fixed, 0 not checked this time.\n",
        "- fail kms-key-shared on `<script>`\n",
    ] {
        assert!(text.contains(expected), "{expected} is not in {text}");
    }
    // A waived finding is not listed under a cause.
    let details = text.split("### Details of each cause").nth(1).unwrap();
    let versioning = details
        .split("<details>")
        .find(|it| it.contains(" fail s3-versioning-enabled:"));
    let id = waived.rsplit(':').next().unwrap();
    assert!(!versioning.unwrap().contains(&format!("`{id}`")));
}

#[test]
fn many_causes_fit_within_the_limit() {
    let report = report(many_keys(1_500), &Options::default());
    assert!(within(&report, usize::MAX).len() > LIMIT);
    let text = render("markdown", &report);
    assert!(text.len() <= LIMIT, "{}", text.len());
    assert_harmless(&text);
    assert!(text.contains("Shortened to fit"));
    assert!(!text.contains("Truncated"));
    // Gating causes keep their lists as long as possible.
    assert!(text.contains("- and "), "{}", &text[..2_000]);
}

#[test]
fn any_limit_is_respected() {
    let report = report(many_keys(300), &Options::default());
    let complete = within(&report, usize::MAX);
    assert!(!complete.contains("Shortened") && !complete.contains("Truncated"));
    for limit in [60_000, 20_000, 8_000, 3_000, 1_000, 300, 100, 10, 0] {
        let text = within(&report, limit);
        assert!(text.len() <= limit, "{limit}: {}", text.len());
        assert_harmless(&text);
        assert!(text.is_empty() || text.ends_with('\n'));
        if (300..=3_000).contains(&limit) {
            assert!(text.contains("**Truncated** ("), "{limit}: {text}");
        }
    }
    // Nothing is omitted if everything fits.
    assert_eq!(within(&report, complete.len()), complete);
    assert_ne!(within(&report, complete.len() - 1), complete);
}
