//! *Links* of disks: whether a server has the file that a list names, without downloading it.

use std::ops::ControlFlow;
use std::time::Duration;

use thiserror::Error;
use url::Url;

use super::{UpstreamDisk, UrlRewrite};
use crate::net::http::{
    self, ContentRange, HttpClient, HttpError, HttpRequest, ResponseHead, is_transient_status,
    retry_after,
};
use crate::oci::parallel::in_parallel;

/// The most bytes of a response that are looked at if the server calls it a web page.
const START_LEN: u64 = 512;

/// The URL of a disk.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DiskLink {
    /// URL, after rewriting.
    pub url: String,
    /// Size of the file in bytes, if the list has it.
    pub size: Option<u64>,
}

/// What a server says of the file at a link.
#[derive(Debug)]
pub struct LinkAnswer {
    /// HTTP status, if the server answered.
    pub status: Option<u16>,
    /// Size of the file in bytes, if the server says it.
    pub size: Option<u64>,
    /// What is wrong; `None` if a download would begin.
    pub problem: Option<LinkProblem>,
}

/// Why a link is broken.
#[derive(Debug, Error)]
pub enum LinkProblem {
    /// No answer came.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The server does not have the file, or does not send it.
    #[error("the server answered {status}")]
    Status {
        /// HTTP status.
        status: u16,
        /// Time that the server asked to wait.
        pause: Option<Duration>,
    },
    /// The file is not the one that is listed.
    #[error("the server has {found} bytes, not the {expected} that are published")]
    Size {
        /// Size in the list, in bytes.
        expected: u64,
        /// Size on the server, in bytes.
        found: u64,
    },
    /// There is a web page in place of the disk.
    #[error("the server sent a web page")]
    WebPage,
}

impl LinkProblem {
    /// Returns what the user can do.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Http(HttpError::PrivateRedirect(_)) => http::PRIVATE_REDIRECT_HELP,
            Self::Http(error) if error.is_temporary() => {
                "try again later, or name a mirror with `mirrors` or `--rewrite-url`"
            }
            Self::Status { status, .. } if is_transient_status(*status) => {
                "try again later, or name a mirror with `mirrors` or `--rewrite-url`"
            }
            Self::Size { .. } => {
                "the list or the server is behind the other: try again later, or ask upstream"
            }
            Self::Http(_) | Self::Status { .. } | Self::WebPage => {
                "check whether upstream has moved it, and change `url` or `mirrors`"
            }
        }
    }

    /// Returns whether an immediate retry may succeed.
    fn is_transient(&self) -> bool {
        match self {
            Self::Http(error) => error.is_transient(),
            Self::Status { status, .. } => is_transient_status(*status),
            Self::Size { .. } | Self::WebPage => false,
        }
    }

    /// Returns how long the server asked to wait.
    fn pause(&self) -> Option<Duration> {
        match self {
            Self::Status { pause, .. } => *pause,
            _ => None,
        }
    }
}

impl UpstreamDisk {
    /// Returns the links that the disk would be downloaded from: its own first, then those of the mirrors.
    pub fn links(&self, rewrites: &[UrlRewrite]) -> Vec<DiskLink> {
        let all = std::iter::once(&self.url).chain(&self.mirrors);
        let link = |url: &String| {
            let url = UrlRewrite::rewrite_url(rewrites, url);
            DiskLink { url, size: self.size }
        };
        all.map(link).collect()
    }
}

impl DiskLink {
    /// Returns the URL without its secrets: a password, the values of a query.
    pub fn shown_url(&self) -> String {
        http::shown_url(&self.url)
    }
}

/// Asks the servers for the files of all links, up to `width` at a time, and returns their answers in order; nothing if the
/// user cancels. A file is asked for by HEAD; of a server that refuses that, by GET of its first byte.
pub fn check_links(
    links: &[&DiskLink],
    width: usize,
    client: &HttpClient,
) -> Option<Vec<LinkAnswer>> {
    let work = |_, link: &&DiskLink| match link.check(client) {
        LinkAnswer { problem: Some(LinkProblem::Http(HttpError::Cancelled)), .. } => Err(()),
        answer => Ok(answer),
    };
    in_parallel(links, width, work).ok()
}

impl DiskLink {
    fn check(&self, client: &HttpClient) -> LinkAnswer {
        let Ok(url) = Url::parse(&self.url) else {
            let problem = Some(HttpError::Url(self.url.clone()).into());
            return LinkAnswer { status: None, size: None, problem };
        };
        let mut attempts = client.attempts();
        loop {
            let answer = self.ask(client, &url).unwrap_or_else(|error| LinkAnswer {
                status: None,
                size: None,
                problem: Some(error.into()),
            });
            let problem = answer.problem.as_ref().filter(|problem| problem.is_transient());
            let pause = problem.and_then(|problem| attempts.next_pause(problem.pause()));
            let Some(pause) = pause else { return answer };
            if client.sleep(pause) == ControlFlow::Break(()) {
                return LinkAnswer { problem: Some(HttpError::Cancelled.into()), ..answer };
            }
        }
    }

    /// Asks the server once.
    fn ask(&self, client: &HttpClient, url: &Url) -> Result<LinkAnswer, HttpError> {
        let answer = client.send_following_redirects(&HttpRequest::new("HEAD", url))?;
        // A web page may be a disk that is called one: its first bytes tell.
        let is_page = answer.head.status == 200 && answer.head.is_web_page();
        if !is_head_refused(answer.head.status) && !is_page {
            return Ok(self.judge(&answer.head));
        }
        let request = HttpRequest::new("GET", url).header("Range", "bytes=0-0");
        let answer = client.send_following_redirects(&request)?;
        let mut judged = self.judge(&answer.head);
        if matches!(answer.head.status, 200 | 206) && answer.head.is_web_page() {
            // An empty one, or white space alone, is as the server says.
            let start = answer.read_start(START_LEN);
            let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&start);
            if matches!(start.trim_ascii_start().first(), None | Some(b'<')) {
                judged.problem = Some(LinkProblem::WebPage);
            }
        }
        Ok(judged)
    }

    /// Judges the head of a response to HEAD, or to GET of a part.
    fn judge(&self, head: &ResponseHead) -> LinkAnswer {
        let size = match head.status {
            200 => head.content_length(),
            206 => ContentRange::of_response(head).and_then(|range| range.len),
            status => {
                let problem = Some(LinkProblem::Status { status, pause: retry_after(head) });
                return LinkAnswer { status: Some(status), size: None, problem };
            }
        };
        let problem = match (self.size, size) {
            (Some(expected), Some(found)) if expected != found => {
                Some(LinkProblem::Size { expected, found })
            }
            _ => None,
        };
        LinkAnswer { status: Some(head.status), size, problem }
    }
}

/// Returns whether a server may refuse HEAD and nothing else: 405 and 501 say so, and 403 is the answer to a URL that is
/// signed for GET, as storage services make them.
fn is_head_refused(status: u16) -> bool {
    matches!(status, 403 | 405 | 501)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_judged() {
        let check = |head: &str, declared: Option<u64>, expected: (Option<u64>, &str)| {
            let text = format!("HTTP/1.1 {head}\r\n\r\n");
            let (head, _) = ResponseHead::parse(text.as_bytes()).unwrap().unwrap();
            let link = DiskLink { url: "https://a.example/d".into(), size: declared };
            let LinkAnswer { size, problem, .. } = link.judge(&head);
            let problem = problem.map_or_else(|| "ok".to_owned(), |it| it.to_string());
            assert_eq!((size, problem.as_str()), expected, "{text} {declared:?}");
        };
        check("200 OK\r\nContent-Length: 7", None, (Some(7), "ok"));
        check("200 OK\r\nContent-Length: 7", Some(7), (Some(7), "ok"));
        let wrong = "the server has 7 bytes, not the 8 that are published";
        check("200 OK\r\nContent-Length: 7", Some(8), (Some(7), wrong));
        check("200 OK", Some(8), (None, "ok"));
        check(
            "206 x\r\nContent-Length: 1\r\nContent-Range: bytes 0-0/7",
            Some(8),
            (Some(7), wrong),
        );
        check("206 x\r\nContent-Range: bytes 0-0/*", Some(8), (None, "ok"));
        check("204 No Content", None, (None, "the server answered 204"));
        check("404 Not Found\r\nContent-Length: 9", Some(9), (None, "the server answered 404"));
        check("416 x\r\nContent-Range: bytes */0", None, (None, "the server answered 416"));
    }
}
