//! Time and memory that one part of AWS can cost a scan.

use serde_json::json;

use crate::collect::{REGION, User};
use crate::support::endpoint::{Endpoint, Reply, on};

use super::scan;

#[test]
fn a_body_without_an_end_is_read_to_a_limit() {
    let user = User::with(&[
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "s3cr3t/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    ]);
    for operation in ["ec2:DescribeVolumes", "dynamodb:ListTables"] {
        let scan = scan(operation, vec![on(operation, Reply::Endless)], &user, &[]);
        assert!(scan.faulty_requests <= 3, "{operation}");
        let rows = scan.report["coverage"].as_array().expect("rows");
        let row = rows
            .iter()
            .find(|row| row["error"]["operation"] == operation)
            .expect("a row of the operation");
        let message = "the response is larger than 64 MiB";
        assert_eq!(row["error"]["message"], json!(message), "{operation}");
    }
}

#[test]
fn an_operation_that_is_silent_is_sent_once() {
    let user = User::with(&[
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "s3cr3t/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    ]);
    let silences = [
        ("ec2:DescribeVolumes", Reply::Never, "timed out"),
        (
            "dynamodb:ListTables",
            Reply::Stall,
            "the response stopped for 4 seconds",
        ),
    ];
    for (operation, silence, message) in silences {
        let scan = scan(operation, vec![on(operation, silence)], &user, &[]);
        assert_eq!(scan.faulty_requests, 1, "{operation}");
        let rows = scan.report["coverage"].as_array().expect("rows").iter();
        let errors: Vec<_> = rows
            .map(|row| &row["error"])
            .filter(|it| it["operation"] == operation)
            .collect();
        assert!(!errors.is_empty(), "{operation}");
        for error in errors {
            assert_eq!(error["code"], "Timeout", "{operation}");
            assert_eq!(error["message"], message, "{operation}");
        }
    }
}

/// Entities that expand to 10^9 characters, and nesting that would fill the stack of a reader that calls itself.
#[test]
fn a_body_that_expands_or_is_nested_does_not_end_the_scan() {
    let user = User::with(&[
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "s3cr3t/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    ]);
    let mut entities = "<!DOCTYPE lolz [<!ENTITY lol0 \"lol\">".to_owned();
    for level in 1..10 {
        let ten = format!("&lol{};", level - 1).repeat(10);
        entities += &format!("<!ENTITY lol{level} \"{ten}\">");
    }
    let volumes = "<DescribeVolumesResponse><volumeSet><item><volumeId>&lol9;</volumeId></item></volumeSet></DescribeVolumesResponse>";
    entities += &format!("]>{volumes}");
    let depth = 500_000;
    let xml = |known: &str| {
        let (open, close) = ("<a>".repeat(depth), "</a>".repeat(depth));
        format!("<{known}>{open}{close}</{known}>")
    };
    let json = |known: &str| {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        format!("{{\"{known}\": {open}{close}}}")
    };
    let bodies = [
        ("ec2:DescribeVolumes", entities.into_bytes()),
        ("ec2:DescribeVolumes", volumes.to_owned().into_bytes()),
        (
            "ec2:DescribeVolumes",
            xml("DescribeVolumesResponse").into_bytes(),
        ),
        ("s3:ListBuckets", xml("ListAllMyBucketsResult").into_bytes()),
        ("dynamodb:ListTables", json("TableNames").into_bytes()),
        ("dynamodb:ListTables", json("Unknown").into_bytes()),
        (
            "backup:ListBackupVaults",
            json("BackupVaultList").into_bytes(),
        ),
    ];
    for (operation, body) in bodies {
        let scan = scan(
            operation,
            vec![on(operation, Reply::Body(body))],
            &user,
            &[],
        );
        assert_eq!(scan.report["scan"]["complete"], false, "{operation}");
        let mut rows = scan.report["coverage"].as_array().expect("rows").iter();
        let row = rows.find(|row| row["error"]["operation"] == operation);
        let row = row.unwrap_or_else(|| panic!("{operation}: {}", scan.stderr));
        assert_eq!(row["error"]["code"], "UnreadableAnswer", "{operation}");
    }
}

/// CBOR is the protocol of CloudWatch, which only the command on cost asks.
#[test]
fn a_nested_cbor_body_leaves_the_cost_without_metrics() {
    let user = User::with(&[
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "s3cr3t/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    ]);
    // A map of a text and arrays of one item, which hold an empty array.
    let nested = [b"\xa1\x61a".as_slice(), &vec![0x81; 500_000], b"\x80"].concat();
    let operation = "cloudwatch:GetMetricData";
    let endpoint = Endpoint::start([on(operation, Reply::Body(nested))]);
    let url = endpoint.url();
    let run = user.run(&[
        "cost",
        "--metrics",
        "--endpoint-url",
        &url,
        "--region",
        REGION,
    ]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let gap = "cloudwatch:GetMetricData failed (UnreadableAnswer)";
    assert!(run.stdout.contains(gap), "{}", run.stdout);
}
