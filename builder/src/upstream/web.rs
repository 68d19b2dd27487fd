//! The *web*, from which lists are fetched: each once, however many entries and platforms share it.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use url::Url;

use super::{CandidateList, FetchError, FetchErrorKind, FetchList, UpstreamError};
use crate::net::http::{HttpClient, HttpError, HttpRequest, ServerPolicy, redact_url};

/// The most bytes of lists that are kept in memory for other entries and platforms.
const KEPT_LISTS_MAX: u64 = 128 << 20;

/// The most files of parsed lists that are kept, of some hundred bytes each.
const KEPT_FILES_MAX: usize = 1 << 17;

/// Fetches lists with a client, and caches them.
pub struct UpstreamWeb<'a> {
    client: &'a HttpClient,
    rewrites: &'a [UrlRewrite],
    /// Lists by URL; a thread that needs a list that is being fetched waits for it.
    cached: Mutex<HashMap<String, Arc<CacheSlot>>>,
    /// Parsed lists by their keys, and how many files they have together.
    parsed: Mutex<(HashMap<String, Arc<CandidateList>>, usize)>,
    /// Bytes of all lists that are kept.
    kept: AtomicU64,
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
        Self {
            client,
            rewrites,
            cached: Mutex::default(),
            parsed: Mutex::default(),
            kept: AtomicU64::new(0),
        }
    }

    fn fetch_uncached(&self, url: &Url, max: u64) -> Result<Vec<u8>, FetchError> {
        let failed = |why: String, kind| FetchError { url: redact_url(url), why, kind };
        let unreachable = |error: HttpError| {
            let kind = match &error {
                HttpError::PrivateRedirect(_) => FetchErrorKind::PrivateAddress,
                error if error.is_temporary() => FetchErrorKind::Temporary,
                _ => FetchErrorKind::Permanent,
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
        let list: Arc<[u8]> = self.fetch_uncached(&parsed, max)?.into();
        // Beyond the budget a list is fetched again when it is needed again.
        let len = list.len() as u64;
        if self.kept.fetch_add(len, Ordering::Relaxed) + len > KEPT_LISTS_MAX {
            self.kept.fetch_sub(len, Ordering::Relaxed);
            return Ok(list);
        }
        Ok(Arc::clone(slot.insert(list)))
    }

    fn parse_list(
        &self,
        key: &str,
        parse: &dyn Fn() -> Result<CandidateList, UpstreamError>,
    ) -> Result<Arc<CandidateList>, UpstreamError> {
        let mut parsed = self.parsed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(list) = parsed.0.get(key) {
            return Ok(Arc::clone(list));
        }
        drop(parsed);
        // Two threads may parse a list at the same time; the first result is kept.
        let list = Arc::new(parse()?);
        parsed = self.parsed.lock().unwrap_or_else(PoisonError::into_inner);
        if parsed.1 + list.len() <= KEPT_FILES_MAX && !parsed.0.contains_key(key) {
            parsed.1 += list.len();
            parsed.0.insert(key.to_owned(), Arc::clone(&list));
        }
        Ok(list)
    }

    fn check_reach(&self, list: &str, named: &str) -> Result<(), FetchError> {
        // What a rewrite names was chosen by the user.
        if UrlRewrite::rewrite_url(self.rewrites, named) != named {
            return Ok(());
        }
        let failed = |why: String, kind| FetchError { url: shown_url(named), why, kind };
        let permanent = |error: &dyn Display| failed(error.to_string(), FetchErrorKind::Permanent);
        let parse = |url: &str| Url::parse(url).map_err(|error| permanent(&error));
        let (list, named) = (parse(&UrlRewrite::rewrite_url(self.rewrites, list))?, parse(named)?);
        let checked = self.client.check_reach(&list, &named, ServerPolicy::default());
        checked.map_err(|error| match error {
            HttpError::PrivateRedirect(_) => {
                let list = redact_url(&list);
                let why = format!(
                    "`{list}` names it, and only this machine or network can reach its address"
                );
                failed(why, FetchErrorKind::PrivateAddress)
            }
            error => permanent(&error),
        })
    }
}

/// Returns a URL without its secrets for messages.
fn shown_url(url: &str) -> String {
    Url::parse(url).map_or_else(|_| url.to_owned(), |url| redact_url(&url))
}

impl std::fmt::Debug for UpstreamWeb<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UpstreamWeb").field("rewrites", &self.rewrites).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::http::PrivateRedirects::{self, Follow, Refuse};
    use crate::net::http::testing::client;

    #[test]
    fn lists_name_nothing_that_is_nearer_than_they_are() {
        let check = |redirects: PrivateRedirects,
                     rewrites: &[UrlRewrite],
                     named: &str,
                     expected: Option<&str>| {
            let client = client(redirects);
            let web = UpstreamWeb::new(&client, rewrites);
            let list = "https://list.invalid/releases.json";
            let checked = web.check_reach(list, named);
            let why = checked.err().map(|error| {
                assert_eq!(error.kind, FetchErrorKind::PrivateAddress, "{named}");
                error.to_string()
            });
            assert_eq!(why.as_deref(), expected, "{named}");
        };
        for named in [
            "http://127.0.0.1:8092/latest/meta-data/a.qcow2",
            "http://169.254.169.254/a.qcow2",
            "http://[::ffff:169.254.169.254]/a.qcow2",
            "http://localhost/a.qcow2",
            "https://10.0.0.9/a.qcow2",
            "http://[fd00::9]/a.qcow2",
        ] {
            let url = redact_url(&Url::parse(named).unwrap());
            let why = "`https://list.invalid/releases.json` names it, and only this machine or \
                network can reach its address";
            check(Refuse, &[], named, Some(&format!("cannot fetch {url}: {why}")));
            check(Follow, &[], named, None);
        }
        check(Refuse, &[], "https://list.invalid/a.qcow2", None);
        check(Refuse, &[], "http://mirror.invalid/a.qcow2", None);
        check(Refuse, &[], "http://9.9.9.9/a.qcow2", None);
        let rewrite = |from: &str, to: &str| UrlRewrite { from: from.into(), to: to.into() };
        let mirror = [rewrite("https://cdn.invalid/", "http://10.0.0.9/")];
        check(Refuse, &mirror, "https://cdn.invalid/a.qcow2", None);
        check(
            Refuse,
            &mirror,
            "http://10.0.0.9/a.qcow2",
            Some(
                "cannot fetch http://10.0.0.9/a.qcow2: `https://list.invalid/releases.json` names \
                 it, and only this machine or network can reach its address",
            ),
        );
    }
}
