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
fn an_operation_that_never_answers_is_sent_once() {
    let user = User::with(&[
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "s3cr3t/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    ]);
    let operation = "ec2:DescribeVolumes";
    let scan = scan(operation, vec![on(operation, Reply::Never)], &user, &[]);
    assert_eq!(scan.faulty_requests, 1);
    let rows = scan.report["coverage"].as_array().expect("rows");
    let row = rows
        .iter()
        .find(|row| row["error"]["operation"] == operation);
    assert_eq!(row.expect("a row")["error"]["code"], "Timeout");
}
