//! Requests as they arrive: HTTP, and the protocols of the services.

use std::collections::BTreeMap;
use std::io::BufRead;

use serde_json::Value;

use super::cbor::decode;

/// The account of the fixtures.
pub(super) const ACCOUNT: &str = "111122223333";

/// The parameters that are the token of a page.
const TOKENS: [&str; 6] = [
    "NextToken",
    "nextToken",
    "Marker",
    "ExclusiveStartTableName",
    "PaginationToken",
    "continuation-token",
];

/// A request as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// From the signature: `eu-central-1`.
    pub region: String,
    /// The account whose credentials signed it: that of the fixtures, unless they are those of `AssumeRole`.
    pub account: String,
    /// Service and operation, as in `iam-policy` and the reports: `ec2:DescribeVolumes`.
    pub operation: String,
    /// Form fields, fields of the JSON body, or the query; `Bucket` is the name of a bucket.
    pub parameters: BTreeMap<String, String>,
    /// The object that the request writes; else empty.
    pub object: Vec<u8>,
}

/// An HTTP/1.1 request, as the SDK sends it.
pub(super) struct Http {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: BTreeMap<String, String>,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Vec<u8>,
}

impl Http {
    pub(super) fn read_from(reader: &mut impl BufRead) -> Option<Self> {
        let mut line = || {
            let mut line = String::new();
            let length = reader.read_line(&mut line).ok()?;
            (length > 0).then(|| line.trim_end().to_owned())
        };
        let first = line()?;
        let mut words = first.split(' ');
        let (method, target) = (words.next()?.to_owned(), words.next()?);
        let mut headers = BTreeMap::new();
        loop {
            let header = line()?;
            let Some((name, value)) = header.split_once(':') else {
                break;
            };
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        let length = headers
            .get("content-length")
            .map_or(0, |length| length.parse().unwrap_or(0));
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Some(Http {
            method,
            path: path.to_owned(),
            query: parse_form(query),
            headers,
            body,
        })
    }
}

impl Request {
    pub(super) fn from_http(http: &Http) -> Option<Self> {
        // AWS4-HMAC-SHA256 Credential=AKID/20260303/eu-central-1/ec2/aws4_request, SignedHeaders=...
        let authorization = http.headers.get("authorization")?;
        let (_, scope) = authorization.split_once("Credential=")?;
        let scope: Vec<&str> = scope.split(',').next()?.split('/').collect();
        let [key, _, region, service, "aws4_request"] = scope[..] else {
            return None;
        };
        let target = http
            .headers
            .get("x-amz-target")
            .and_then(|target| target.split_once('.'));
        let (operation, parameters) = match (service, target) {
            ("s3", _) => parse_s3(http)?,
            ("backup", _) if http.method == "GET" => parse_backup(http)?,
            ("elasticfilesystem", _)
                if http.method == "GET" && http.path == "/2015-02-01/file-systems" =>
            {
                ("DescribeFileSystems".to_owned(), http.query.clone())
            }
            ("monitoring", _) => {
                let (_, operation) = http.path.rsplit_once("/operation/")?;
                (operation.to_owned(), text_fields(&decode(&http.body)?)?)
            }
            (_, Some((_, operation))) => (operation.to_owned(), parse_json(&http.body)?),
            _ => {
                let mut parameters = parse_form(std::str::from_utf8(&http.body).ok()?);
                (parameters.remove("Action")?, parameters)
            }
        };
        let object = match operation.as_str() {
            "PutObject" => http.body.clone(),
            _ => Vec::new(),
        };
        let prefix = match service {
            "tagging" => "tag",
            "monitoring" => "cloudwatch",
            other => other,
        };
        Some(Request {
            region: region.to_owned(),
            account: key.strip_prefix("ASIA").unwrap_or(ACCOUNT).to_owned(),
            operation: format!("{prefix}:{operation}"),
            parameters,
            object,
        })
    }

    pub(super) fn split_operation(&self) -> (&str, &str) {
        self.operation
            .split_once(':')
            .expect("operations are made with a colon")
    }

    /// Returns the name of the bucket, table, key or other resource of the request.
    pub fn subject(&self) -> Option<&str> {
        if self.parameters.contains_key("TagFilters") {
            return Some("enabled");
        }
        // The ARN of a stack ends with its name and a UUID.
        if let Some(stack) = self.parameters.get("StackName") {
            return stack.split('/').nth(1);
        }
        if let Some(role) = self.parameters.get("RoleArn") {
            return role.split(':').nth(4);
        }
        if let Some(volumes) = self.parameters.get("VolumeARNs") {
            let last = volumes.rsplit('/').next()?;
            return Some(last.trim_end_matches("\"]"));
        }
        const NAMES: [&str; 9] = [
            "Bucket",
            "GatewayARN",
            "KeyId",
            "TableName",
            "BackupVaultName",
            "BackupPlanId",
            "SelectionId",
            "RoleName",
            "ParentId",
        ];
        let named = NAMES.into_iter().find_map(|key| self.parameters.get(key))?;
        named.rsplit('/').next()
    }

    /// Returns a fixture as the response for the region and the account of the request.
    pub(super) fn fill_fixture(&self, text: &str) -> String {
        let text = text.replace("{region}", &self.region);
        let text = text.replace("{role-account}", self.subject().unwrap_or_default());
        match self.account == ACCOUNT {
            true => text,
            false => text.replace(ACCOUNT, &self.account),
        }
    }

    /// Returns the ids, names and ARNs by which the request limits a list.
    pub(super) fn named_items(&self) -> Vec<String> {
        const LISTS: [&str; 4] = [
            "ResourceARNList",
            "FileSystemIds",
            "VolumeIds",
            "VolumeARNs",
        ];
        const KEYS: [&str; 4] = [
            "Filter.1.Value.",
            "Filters.Filter.1.Values.Value.",
            "FileSystemId",
            "ClusterIdentifier",
        ];
        let mut wanted = Vec::new();
        for (key, value) in &self.parameters {
            if LISTS.contains(&key.as_str()) {
                let arns: Vec<String> = serde_json::from_str(value).expect("a list of ARNs");
                wanted.extend(arns);
            } else if KEYS.iter().any(|it| key.starts_with(it))
                || (key.eq_ignore_ascii_case("resourceArn")
                    && self.operation.starts_with("backup:"))
                || (key == "StackName" && self.operation == "cloudformation:DescribeStacks")
            {
                wanted.push(value.clone());
            }
        }
        wanted
    }

    /// Returns the request for the first page of the list.
    pub fn without_page_token(&self) -> Self {
        let mut first = self.clone();
        first
            .parameters
            .retain(|key, _| !TOKENS.contains(&key.as_str()));
        first
    }

    /// Returns the token of a page after the first.
    pub fn page_token(&self) -> Option<&str> {
        let token = TOKENS
            .into_iter()
            .find_map(|key| self.parameters.get(key))?;
        (!token.is_empty()).then_some(token)
    }
}

/// Returns the operation and the parameters of a request to S3.
fn parse_s3(http: &Http) -> Option<(String, BTreeMap<String, String>)> {
    let mut parameters = http.query.clone();
    let path = http.path.trim_start_matches('/');
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    if !key.is_empty() {
        let checksum = http.headers.get("x-amz-checksum-sha256").cloned();
        parameters.insert("Key".to_owned(), decode_percent(key));
        parameters.insert("Checksum".to_owned(), checksum.unwrap_or_default());
    }
    if !bucket.is_empty() {
        parameters.insert("Bucket".to_owned(), bucket.to_owned());
    }
    let has = |key: &str| http.query.contains_key(key);
    let operation = match http.method.as_str() {
        "HEAD" => "HeadBucket",
        "PUT" if !key.is_empty() => "PutObject",
        "GET" if !key.is_empty() => "GetObject",
        "GET" if has("list-type") => "ListObjectsV2",
        "GET" if bucket.is_empty() => "ListBuckets",
        "GET" if has("versioning") => "GetBucketVersioning",
        "GET" if has("encryption") => "GetBucketEncryption",
        "GET" if has("lifecycle") => "GetBucketLifecycleConfiguration",
        "GET" if has("notification") => "GetBucketNotificationConfiguration",
        _ => return None,
    };
    Some((operation.to_owned(), parameters))
}

/// Returns the operation and the parameters of a request to AWS Backup.
fn parse_backup(http: &Http) -> Option<(String, BTreeMap<String, String>)> {
    let path: Vec<&str> = http.path.trim_matches('/').split('/').collect();
    let (operation, subject) = match path[..] {
        ["backup-jobs"] => ("ListBackupJobs", None),
        ["copy-jobs"] => ("ListCopyJobs", None),
        ["account-settings"] => ("DescribeRegionSettings", None),
        ["backup-vaults"] => ("ListBackupVaults", None),
        ["backup-vaults", name, "access-policy"] => (
            "GetBackupVaultAccessPolicy",
            Some(("BackupVaultName", name)),
        ),
        ["backup", "plans"] => ("ListBackupPlans", None),
        ["backup", "plans", id] => ("GetBackupPlan", Some(("BackupPlanId", id))),
        ["backup", "plans", id, "selections"] => {
            ("ListBackupSelections", Some(("BackupPlanId", id)))
        }
        ["backup", "plans", _, "selections", id] => {
            ("GetBackupSelection", Some(("SelectionId", id)))
        }
        _ => return None,
    };
    let mut parameters = http.query.clone();
    parameters.extend(subject.map(|(key, name)| (key.to_owned(), decode_percent(name))));
    Some((operation.to_owned(), parameters))
}

/// Returns the fields of a JSON body.
fn parse_json(body: &[u8]) -> Option<BTreeMap<String, String>> {
    text_fields(&serde_json::from_slice(body).ok()?)
}

fn text_fields(body: &Value) -> Option<BTreeMap<String, String>> {
    let fields = body.as_object()?.iter().map(|(key, value)| {
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        (key.clone(), text)
    });
    Some(fields.collect())
}

/// Parses `a=b&c=d%20e`.
pub(super) fn parse_form(text: &str) -> BTreeMap<String, String> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode_percent(key), decode_percent(value))
        })
        .collect()
}

fn decode_percent(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (code, rest) = part.split_at(2);
        bytes.push(u8::from_str_radix(code, 16).expect("the SDK encodes bytes as two hex digits"));
        bytes.extend(rest.as_bytes());
    }
    String::from_utf8(bytes).expect("the SDK sends UTF-8")
}
