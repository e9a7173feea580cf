//! Time and memory that one part of AWS can cost a scan.

use serde_json::json;

use crate::collect::User;
use crate::support::endpoint::{Reply, on};

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
