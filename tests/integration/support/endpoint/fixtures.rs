//! Answers from the files in `fixtures/aws`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::command::repository;

use super::cbor::encode;
use super::metrics::answer_metrics;
use super::request::ACCOUNT;
use super::{Answer, End, Request, Shared, empty_answer};

impl Shared {
    /// Returns the response of AWS for the account that the fixtures describe.
    pub(super) fn usual_answer(&self, request: &Request) -> Answer {
        let (service, operation) = request.split_operation();
        if operation == "ListAccounts" {
            return self.accounts_answer(request);
        }
        if let Some(answer) = self.object_answer(operation, request) {
            return answer;
        }
        // KMS returns only the keys of its region.
        let elsewhere =
            |id: &str| id.starts_with("arn:") && id.split(':').nth(3) != Some(&request.region);
        if service == "kms"
            && request
                .parameters
                .get("KeyId")
                .is_some_and(|id| elsewhere(id))
        {
            return self.fixture_answer(service, "NotFoundException", request);
        }
        if let Some(answer) = self.filtered_answer(request) {
            return answer;
        }
        let page = if request.page_token().is_some() {
            "-page2"
        } else {
            ""
        };
        // The resources of every account are those of the fixtures.
        let named = request
            .subject()
            .map(|subject| subject.replace(&request.account, ACCOUNT))
            .map(|subject| format!("{operation}-{subject}{page}"));
        if let Some(name) = named.filter(|name| find_fixture(service, name).is_some()) {
            return self.fixture_answer(service, &name, request);
        }
        if let Some(token) = request.page_token() {
            let first = find_fixture(service, operation)
                .map(|path| read_fixture(&path))
                .unwrap_or_default();
            if !first.contains(token) {
                return self.reject_request(format!("{}: the token {token}", request.operation));
            }
        }
        let absent = match operation {
            "DescribeKey" | "GetKeyPolicy" => "NotFoundException",
            "DescribeTable" | "GetBackupVaultAccessPolicy" => "ResourceNotFoundException",
            "GetRole" => "NoSuchEntity",
            "GetBucketEncryption" => "ServerSideEncryptionConfigurationNotFoundError",
            "GetBucketLifecycleConfiguration" => "NoSuchLifecycleConfiguration",
            // Buckets for objects, as opposed to those of the fixtures.
            "HeadBucket" if request.subject().is_some_and(|it| it.starts_with("our-")) => {
                return empty_answer(200, &[]);
            }
            "HeadBucket" => return empty_answer(404, &[]),
            _ => return self.fixture_answer(service, &format!("{operation}{page}"), request),
        };
        self.fixture_answer(service, absent, request)
    }

    /// Returns the answer to a request about the objects that requests wrote, in pages of three.
    fn object_answer(&self, operation: &str, request: &Request) -> Option<Answer> {
        let mut objects = self.objects.lock().unwrap();
        let value = |name: &str| request.parameters.get(name).cloned().unwrap_or_default();
        let name = format!("{}/{}", value("Bucket"), value("Key"));
        match operation {
            "PutObject" => {
                objects.insert(name, request.object.clone());
                Some(empty_answer(200, &[]))
            }
            "GetObject" => match objects.get(&name) {
                Some(content) => Some(Answer {
                    body: content.clone(),
                    ..empty_answer(200, &[])
                }),
                None => Some(self.fixture_answer("s3", "NoSuchKey", request)),
            },
            "ListObjectsV2" => {
                let prefix = format!("{}/{}", value("Bucket"), value("prefix"));
                let after = value("continuation-token");
                // A key below a folder counts as its folder.
                let names = objects.keys().filter_map(|it| {
                    let key = it.strip_prefix(&prefix)?;
                    let name = key.find('/').map_or(key, |end| &key[..=end]);
                    (name > after.as_str()).then_some(name)
                });
                let names: BTreeSet<&str> = names.collect();
                let page: Vec<&str> = names.iter().copied().take(3).collect();
                let next = match names.len() > 3 {
                    true => format!("<NextContinuationToken>{}</NextContinuationToken>", page[2]),
                    false => String::new(),
                };
                let contents: String = page
                    .iter()
                    .map(|name| {
                        let name = format!("{}{name}", value("prefix"));
                        match name.ends_with('/') {
                            true => {
                                format!("<CommonPrefixes><Prefix>{name}</Prefix></CommonPrefixes>")
                            }
                            false => format!("<Contents><Key>{name}</Key></Contents>"),
                        }
                    })
                    .collect();
                let body = format!(
                    "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><IsTruncated>{}</IsTruncated>{next}{contents}</ListBucketResult>",
                    names.len() > 3
                );
                Some(Answer {
                    status: 200,
                    headers: vec![("content-type", content_type("s3").to_owned())],
                    body: body.into_bytes(),
                    end: End::Complete,
                })
            }
            _ => None,
        }
    }

    /// Returns the page of accounts that the token of the request names: its position.
    fn accounts_answer(&self, request: &Request) -> Answer {
        let at = match request.page_token() {
            None => 0,
            Some(token) => token.parse().expect("the token of a page"),
        };
        let mut page = json!({"Accounts": self.account_pages[at]});
        if at + 1 < self.account_pages.len() {
            page["NextToken"] = json!((at + 1).to_string());
        }
        Answer {
            status: 200,
            headers: vec![("content-type", content_type("organizations").to_owned())],
            body: page.to_string().into_bytes(),
            end: End::Complete,
        }
    }

    /// Returns the items of the operation's fixtures that the request names, or `None` if it names none.
    fn filtered_answer(&self, request: &Request) -> Option<Answer> {
        let (service, operation) = request.split_operation();
        let wanted = request.named_items();
        if wanted.is_empty() {
            return None;
        }
        // Resources that are found only by their tag or their id have separate fixtures.
        let pages =
            ["", "-page2", "-enabled", "-enabled-page2"].map(|it| format!("{operation}{it}"));
        let pages: Vec<String> = pages
            .iter()
            .filter_map(|name| Some(read_fixture(&find_fixture(service, name)?)))
            .map(|page| request.fill_fixture(&page))
            .collect();
        let first = pages.first()?;
        let (found, body) = if first.trim_start().starts_with('{') {
            filter_json(&pages, &wanted)
        } else {
            filter_xml(&pages, operation, &wanted)
        };
        let absent = match (service, operation) {
            (_, "DescribeFileSystems") => "FileSystemNotFound",
            ("fsx", "DescribeVolumes") => "VolumeNotFound",
            (_, "DescribeClusters") => "ClusterNotFound",
            (_, "DescribeStacks") => "ValidationError",
            _ => "",
        };
        if found == 0 && !absent.is_empty() {
            return Some(self.fixture_answer(service, absent, request));
        }
        Some(Answer {
            status: 200,
            headers: vec![("content-type", content_type(service).to_owned())],
            body: body.into_bytes(),
            end: End::Complete,
        })
    }

    pub(super) fn fixture_answer(&self, service: &str, name: &str, request: &Request) -> Answer {
        let Some(path) = find_fixture(service, name) else {
            return self.reject_request(format!(
                "{}: there is no fixture {service}/{name}",
                request.operation
            ));
        };
        if service == "cloudwatch" {
            return metrics_answer(name, &read_fixture(&path), request);
        }
        let mut answer = Answer {
            status: error_status(service, name),
            headers: vec![("content-type", content_type(service).to_owned())],
            body: request.fill_fixture(&read_fixture(&path)).into_bytes(),
            end: End::Complete,
        };
        // REST-JSON has the code only in a header:
        // https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html#operation-error-serialization
        if matches!(service, "backup" | "elasticfilesystem") && answer.status != 200 {
            let code = match name {
                "AccessDenied" => "AccessDeniedException",
                "Throttling" => "ThrottlingException",
                other => other,
            };
            answer.headers.push(("x-amzn-errortype", code.to_owned()));
        }
        answer
    }

    pub(super) fn reject_request(&self, what: String) -> Answer {
        self.unexpected_requests.lock().unwrap().push(what);
        empty_answer(400, &[])
    }
}

/// Returns an error of CloudWatch, or a page of metrics, by the name of the fixture.
fn metrics_answer(name: &str, fixture: &str, request: &Request) -> Answer {
    let fixture: Value = serde_json::from_str(fixture).expect("fixtures are JSON");
    let status = error_status("cloudwatch", name);
    let document = match status {
        200 => answer_metrics(&fixture, request),
        _ => fixture,
    };
    cbor_answer(status, &document)
}

fn cbor_answer(status: u16, document: &Value) -> Answer {
    Answer {
        status,
        headers: vec![
            ("content-type", "application/cbor".to_owned()),
            ("smithy-protocol", "rpc-v2-cbor".to_owned()),
        ],
        body: encode(document),
        end: End::Complete,
    }
}

/// Returns an error in the protocol of a service.
pub(super) fn error_answer(service: &str, status: u16, code: &str) -> Answer {
    if service == "cloudwatch" {
        let error = json!({"__type": code, "message": "made by the test"});
        return cbor_answer(status, &error);
    }
    let mut headers = vec![("content-type", content_type(service).to_owned())];
    let error = format!("<Error><Code>{code}</Code><Message>made by the test</Message></Error>");
    let body = match service {
        "ec2" => {
            format!("<Response><Errors>{error}</Errors><RequestID>r</RequestID></Response>")
        }
        "s3" => error,
        "cloudformation" | "iam" | "rds" | "redshift" | "sts" => {
            format!("<ErrorResponse>{error}<RequestId>r</RequestId></ErrorResponse>")
        }
        "backup" | "elasticfilesystem" => {
            headers.push(("x-amzn-errortype", code.to_owned()));
            r#"{"message":"made by the test"}"#.to_owned()
        }
        _ => format!(r#"{{"__type":"{code}","message":"made by the test"}}"#),
    };
    Answer {
        status,
        headers,
        body: body.into_bytes(),
        end: End::Complete,
    }
}

/// Joins the pages and keeps the items that have a wanted value. Returns the number of items and the
/// document.
fn filter_json(pages: &[String], wanted: &[String]) -> (usize, String) {
    let mut pages = pages
        .iter()
        .map(|page| serde_json::from_str::<Value>(page).expect("fixtures are JSON"));
    let mut first = pages.next().expect("there is a page");
    let rest: Vec<Value> = pages.collect();
    let mut found = 0;
    let fields = first.as_object_mut().expect("an object");
    for token in ["NextToken", "NextMarker", "Marker", "PaginationToken"] {
        fields.remove(token);
    }
    for (name, list) in fields {
        let Some(items) = list.as_array_mut() else {
            continue;
        };
        for page in &rest {
            items.extend(page[name].as_array().cloned().unwrap_or_default());
        }
        items.retain(|item| {
            let mut values = item.as_object().into_iter().flat_map(|item| item.values());
            values.any(|value| wanted.iter().any(|it| value == it.as_str()))
        });
        found += items.len();
    }
    (found, first.to_string())
}

fn filter_xml(pages: &[String], operation: &str, wanted: &[String]) -> (usize, String) {
    let (open, close) = match operation {
        "DescribeInstances" | "DescribeVolumes" | "DescribeImages" | "DescribeSnapshots" => {
            ("        <item>", "        </item>")
        }
        "DescribeDBInstances" => ("      <DBInstance>", "      </DBInstance>"),
        "DescribeDBClusters" => ("      <DBCluster>", "      </DBCluster>"),
        "DescribeClusters" => ("      <Cluster>", "      </Cluster>"),
        "DescribeStacks" => ("      <member>", "      </member>"),
        _ => panic!("the items of {operation} have no known element"),
    };
    let mut frame = Vec::new();
    let mut items: Vec<Vec<&str>> = Vec::new();
    for (number, page) in pages.iter().enumerate() {
        let mut inside = false;
        for line in page.lines() {
            let trimmed = line.trim_start();
            if line == open {
                inside = true;
                items.push(Vec::new());
                if number == 0 && frame.last() != Some(&open) {
                    frame.push(open);
                }
            }
            if inside {
                items.last_mut().expect("one is open").push(line);
            } else if number == 0
                && !["<nextToken", "<NextToken", "<Marker"]
                    .iter()
                    .any(|it| trimmed.starts_with(it))
            {
                frame.push(line);
            }
            inside &= line != close;
        }
    }
    items.retain(|item| {
        wanted
            .iter()
            .any(|it| item.iter().any(|line| line.contains(&format!(">{it}<"))))
    });
    let lines = frame.into_iter().flat_map(|line| {
        if line == open {
            items.concat()
        } else {
            vec![line]
        }
    });
    (items.len(), lines.collect::<Vec<_>>().join("\n"))
}

/// Returns the HTTP status of an error, from each service's list of common errors, or 200.
fn error_status(service: &str, name: &str) -> u16 {
    match (service, name) {
        ("ec2" | "s3", "Throttling") => 503,
        (
            "backup" | "cloudformation" | "cloudwatch" | "ec2" | "elasticfilesystem" | "iam"
            | "rds" | "redshift" | "s3",
            "AccessDenied",
        )
        | ("sts", "AccessDenied" | "ExpiredToken") => 403,
        (
            "s3",
            "NoSuchKey"
            | "NoSuchLifecycleConfiguration"
            | "ServerSideEncryptionConfigurationNotFoundError",
        ) => 404,
        ("iam", "NoSuchEntity") => 404,
        (_, "AccessDenied" | "GatewayNotConnected" | "VolumeNotFound" | "Throttling") => 400,
        ("fsx", "FileSystemNotFound") => 400,
        (_, "FileSystemNotFound" | "ClusterNotFound") => 404,
        (_, "ValidationError") => 400,
        (_, name) if name.ends_with("Exception") => 400,
        _ => 200,
    }
}

fn content_type(service: &str) -> &'static str {
    match service {
        "backup" | "elasticfilesystem" => "application/json",
        "dynamodb" => "application/x-amz-json-1.0",
        "fsx" | "kms" | "organizations" | "redshift-serverless" | "storagegateway" | "tag" => {
            "application/x-amz-json-1.1"
        }
        "s3" => "application/xml",
        _ => "text/xml;charset=UTF-8",
    }
}

fn find_fixture(service: &str, name: &str) -> Option<PathBuf> {
    let folder = repository().join("fixtures/aws").join(service);
    ["xml", "json"]
        .into_iter()
        .map(|kind| folder.join(format!("{name}.{kind}")))
        .find(|path| path.is_file())
}

fn read_fixture(path: &Path) -> String {
    fs::read_to_string(path).expect("fixtures are readable text")
}
