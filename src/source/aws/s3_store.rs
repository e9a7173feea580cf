//! Documents as objects of a bucket: all that this program writes in AWS, and only where a user names the bucket.

use std::collections::HashSet;
use std::sync::Arc;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::types::ChecksumAlgorithm;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use tokio::runtime::Runtime;

use crate::store::{BucketPlace, Store, StoreError};

use super::error::{describe_root_error, shorten_message};
use super::retry::limit_attempts;
use super::session::Session;

/// The header with the region of a bucket, in every response about it.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html>.
const REGION_HEADER: &str = "x-amz-bucket-region";

/// A folder of a bucket.
#[derive(Debug)]
pub struct BucketStore {
    client: Client,
    runtime: Arc<Runtime>,
    place: BucketPlace,
}

impl BucketStore {
    /// Opens a folder of a bucket, with the credentials of a session. It need not exist, but the bucket must.
    ///
    /// # Errors
    /// The region of the bucket is not known.
    pub fn open(
        session: &Session,
        runtime: Arc<Runtime>,
        place: BucketPlace,
    ) -> Result<Self, StoreError> {
        let client = session.clients.s3(&session.home);
        let call = client.head_bucket().bucket(&place.bucket).send();
        let region = match runtime.block_on(limit_attempts(call)) {
            Ok(response) => response.bucket_region,
            Err(error) => {
                let response = error.raw_response();
                let region = response.and_then(|it| it.headers().get(REGION_HEADER));
                match region {
                    Some(region) => Some(region.to_owned()),
                    None => return Err(explain_failure("open", place.to_string(), &error)),
                }
            }
        };
        let region = region.filter(|region| !region.is_empty());
        let region = region.unwrap_or_else(|| session.home.clone());
        Ok(BucketStore {
            client: session.clients.s3_objects(&region),
            runtime,
            place,
        })
    }

    fn to_error<E>(
        &self,
        verb: &'static str,
        key: &str,
        error: &SdkError<E, HttpResponse>,
    ) -> StoreError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        explain_failure(verb, self.place.join(key).to_string(), error)
    }

    /// Reads the pages of a list of objects and folders below a prefix.
    fn visit_pages(
        &self,
        prefix: &str,
        mut visit: impl FnMut(&ListObjectsV2Output),
    ) -> Result<(), StoreError> {
        let unreadable = |reason: &str| StoreError {
            verb: "list",
            path: format!("s3://{}/{prefix}", self.place.bucket),
            reason: reason.to_owned(),
        };
        let mut tokens: HashSet<String> = HashSet::new();
        let mut token: Option<String> = None;
        loop {
            let call = self
                .client
                .list_objects_v2()
                .bucket(&self.place.bucket)
                .prefix(prefix)
                .delimiter("/")
                .set_continuation_token(token.take())
                .send();
            let page = self.runtime.block_on(limit_attempts(call));
            let page = page.map_err(|error| {
                explain_failure(
                    "list",
                    format!("s3://{}/{prefix}", self.place.bucket),
                    &error,
                )
            })?;
            visit(&page);
            match page.next_continuation_token() {
                Some(next) if tokens.insert(next.to_owned()) => token = Some(next.to_owned()),
                Some(_) => return Err(unreadable("a page token repeats")),
                None if page.is_truncated() == Some(true) => {
                    return Err(unreadable("a page has no token of the next one"));
                }
                None => return Ok(()),
            }
        }
    }

    fn name_object(&self, key: &str) -> String {
        self.place.join(key).prefix
    }
}

fn explain_failure<E>(
    verb: &'static str,
    path: String,
    error: &SdkError<E, HttpResponse>,
) -> StoreError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let status = error.raw_response().map(|it| it.status().as_u16());
    let reason = match (error, status) {
        (_, Some(404)) => "the bucket does not exist".to_owned(),
        (SdkError::ServiceError(context), _) if context.err().code().is_some() => {
            let code = context.err().code().unwrap_or_default();
            let message = context.err().message().unwrap_or_default();
            format!("{code}: {}", shorten_message(message))
        }
        (_, Some(status)) => format!("HTTP {status}"),
        _ => describe_root_error(error),
    };
    StoreError { verb, path, reason }
}

impl Store for BucketStore {
    fn list_keys(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        let prefix = self.name_object(folder) + "/";
        let mut keys = Vec::new();
        self.visit_pages(&prefix, |page| {
            let names = page.contents().iter().filter_map(|object| object.key());
            let names = names.filter_map(|name| name.strip_prefix(&prefix));
            keys.extend(names.map(|name| format!("{folder}/{name}")));
        })?;
        keys.sort();
        Ok(keys)
    }

    fn list_folders(&self) -> Result<Vec<String>, StoreError> {
        let prefix = match self.place.prefix.as_str() {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        };
        let mut names = Vec::new();
        self.visit_pages(&prefix, |page| {
            let folders = page.common_prefixes().iter().filter_map(|it| it.prefix());
            let folders = folders.filter_map(|it| it.strip_prefix(&prefix)?.strip_suffix('/'));
            names.extend(folders.map(str::to_owned));
        })?;
        names.sort();
        Ok(names)
    }

    fn get_document(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let name = self.name_object(key);
        let call = self
            .client
            .get_object()
            .bucket(&self.place.bucket)
            .key(name);
        let found = self.runtime.block_on(limit_attempts(call.send()));
        let found = match found {
            Ok(found) => found,
            Err(error) if error.code() == Some("NoSuchKey") => return Ok(None),
            Err(error) => return Err(self.to_error("read", key, &error)),
        };
        let read = self.runtime.block_on(found.body.collect());
        let content = read.map_err(|error| StoreError {
            verb: "read",
            path: self.place.join(key).to_string(),
            reason: describe_root_error(&error),
        })?;
        Ok(Some(content.to_vec()))
    }

    /// Writes an object. S3 keeps it only if all of it arrives with its checksum.
    fn put_document(&self, key: &str, content: &[u8]) -> Result<(), StoreError> {
        let call = self
            .client
            .put_object()
            .bucket(&self.place.bucket)
            .key(self.name_object(key))
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .body(content.to_vec().into());
        let written = self.runtime.block_on(limit_attempts(call.send()));
        match written {
            Ok(_) => Ok(()),
            Err(error) => Err(self.to_error("write", key, &error)),
        }
    }
}
