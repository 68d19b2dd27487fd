//! The *web*, from which lists are fetched: each once, however many entries and platforms share it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use url::Url;

use super::{FetchError, FetchErrorKind, FetchList};
use crate::net::http::{HttpClient, HttpError, HttpRequest, redact_url};

/// Fetches lists with a client, and caches them.
pub struct UpstreamWeb<'a> {
    client: &'a HttpClient,
    rewrites: &'a [UrlRewrite],
    /// Lists by URL; a thread that needs a list that is being fetched waits for it.
    cached: Mutex<HashMap<String, Arc<CacheSlot>>>,
}

/// A list, when it has been fetched.
type CacheSlot = Mutex<Option<Arc<[u8]>>>;

/// Replaces the beginning of URLs, for example with that of a local mirror.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrlRewrite {
    /// Prefix that is replaced.
    pub from: String,
    /// Replacement.
    pub to: String,
}

impl UrlRewrite {
    /// Returns the URL after the first rewrite that applies to it, if any does.
    pub(crate) fn rewrite_url(rewrites: &[Self], url: &str) -> String {
        let rewritten = rewrites.iter().find_map(|rewrite| {
            Some(format!("{}{}", rewrite.to, url.strip_prefix(&rewrite.from)?))
        });
        rewritten.unwrap_or_else(|| url.to_owned())
    }
}

impl<'a> UpstreamWeb<'a> {
    /// Creates an empty cache; nothing is fetched yet.
    pub fn new(client: &'a HttpClient, rewrites: &'a [UrlRewrite]) -> Self {
        Self { client, rewrites, cached: Mutex::default() }
    }

    fn fetch_uncached(&self, url: &Url, max: u64) -> Result<Vec<u8>, FetchError> {
        let failed = |why: String, kind| FetchError { url: redact_url(url), why, kind };
        let unreachable = |error: HttpError| {
            let kind = if error.is_temporary() {
                FetchErrorKind::Temporary
            } else {
                FetchErrorKind::Permanent
            };
            failed(error.to_string(), kind)
        };
        let answer = self
            .client
            .send_following_redirects(&HttpRequest::new("GET", url))
            .map_err(unreachable)?;
        let kind = match answer.head.status {
            200 => return answer.read_body(max).map_err(unreachable),
            404 | 410 => FetchErrorKind::Missing,
            408 | 425 | 429 | 500..600 => FetchErrorKind::Temporary,
            _ => FetchErrorKind::Permanent,
        };
        let why = format!("the server answered {}", answer.head.status);
        answer.discard();
        Err(failed(why, kind))
    }
}

impl FetchList for UpstreamWeb<'_> {
    fn fetch(&self, url: &str, max: u64) -> Result<Arc<[u8]>, FetchError> {
        let url = UrlRewrite::rewrite_url(self.rewrites, url);
        let slot = {
            let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(cached.entry(url.clone()).or_default())
        };
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(list) = &*slot {
            return Ok(Arc::clone(list));
        }
        let parsed = Url::parse(&url).map_err(|error| FetchError {
            url: url.clone(),
            why: error.to_string(),
            kind: FetchErrorKind::Permanent,
        })?;
        Ok(Arc::clone(slot.insert(self.fetch_uncached(&parsed, max)?.into())))
    }
}

impl std::fmt::Debug for UpstreamWeb<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UpstreamWeb").field("rewrites", &self.rewrites).finish_non_exhaustive()
    }
}
