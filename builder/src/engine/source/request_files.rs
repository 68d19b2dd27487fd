//! The *files* that a download needs besides its URL: headers of the request, and certificates. Both
//! are for the server of the URL alone.

use std::io::Read as _;
use std::sync::Arc;

use url::Url;

use super::{InputFiles, SourceErrorKind};
use crate::net::http::{HttpClient, HttpError, is_loopback, url_origin};
use crate::net::secret::Secret;
use crate::recipe::{DownloadDetails, InputFile};

/// Maximum length of a file in bytes.
const LEN_MAX: u64 = 1 << 20;

/// Headers that the client sets itself.
const OWN_HEADERS: [&str; 9] = [
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "if-range",
    "proxy-authorization",
    "range",
    "transfer-encoding",
];

/// Headers for the server of a URL.
pub(super) type SecretHeaders = Arc<[(String, Secret)]>;

/// Reads the headers that a download is requested with; none if it has no file with headers.
pub(super) fn read_headers(
    inputs: &dyn InputFiles,
    details: Option<&DownloadDetails>,
    url: &str,
) -> Result<SecretHeaders, SourceErrorKind> {
    let Some(file) = details.and_then(|details| details.headers.as_ref()) else {
        return Ok(Arc::default());
    };
    let problem = |problem: &str| request_file_error(file, problem);
    let origin = url_origin(&Url::parse(url).map_err(|_| bad_url(url))?).map_err(bad_origin)?;
    if !origin.is_tls() && !is_loopback(&origin) {
        return Err(problem("its headers would be sent without encryption"));
    }
    let text = String::from_utf8(read(inputs, file)?).map_err(|_| problem("it is not UTF-8"))?;
    let lines = text.lines().zip(1..).filter(|(line, _)| {
        let line = line.trim();
        !line.is_empty() && !line.starts_with('#')
    });
    let headers = lines.map(|(line, number)| {
        parse_header(line).map_err(|reason| problem(&format!("line {number} {reason}")))
    });
    headers.collect()
}

/// Returns the client for a download: one that also trusts the authority in its file, if it has one.
pub(super) fn trusting_client(
    inputs: &dyn InputFiles,
    client: &HttpClient,
    details: Option<&DownloadDetails>,
    url: &str,
) -> Result<HttpClient, SourceErrorKind> {
    let Some(file) = details.and_then(|details| details.authority.as_ref()) else {
        return Ok(client.clone());
    };
    let origin = url_origin(&Url::parse(url).map_err(|_| bad_url(url))?).map_err(bad_origin)?;
    let pem = read(inputs, file)?;
    if openssl::x509::X509::stack_from_pem(&pem).is_ok_and(|found| !found.is_empty()) {
        return Ok(client.with_authority(&origin, pem));
    }
    Err(request_file_error(file, "it has no certificates as PEM"))
}

fn parse_header(line: &str) -> Result<(String, Secret), &'static str> {
    let (name, value) = line.split_once(':').ok_or("is no header")?;
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.is_empty() || !name.chars().all(is_token) {
        return Err("has no name of a header before the colon");
    }
    if OWN_HEADERS.iter().any(|own| own.eq_ignore_ascii_case(name)) {
        return Err("is a header that the client sets itself");
    }
    let value = value.trim();
    if value.is_empty() || value.chars().any(char::is_control) {
        return Err("has no value, or a control character in it");
    }
    Ok((name.to_owned(), Secret::new(value)))
}

fn read(inputs: &dyn InputFiles, file: &InputFile) -> Result<Vec<u8>, SourceErrorKind> {
    let mut bytes = Vec::new();
    let read = inputs.open(file).and_then(|file| file.take(LEN_MAX + 1).read_to_end(&mut bytes));
    read.map_err(|error| request_file_error(file, &format!("it cannot be read: {error}")))?;
    if bytes.len() as u64 > LEN_MAX {
        return Err(request_file_error(file, "it is too long"));
    }
    Ok(bytes)
}

fn request_file_error(file: &InputFile, problem: &str) -> SourceErrorKind {
    let (path, problem) = (file.path.display().to_string(), problem.to_owned());
    SourceErrorKind::RequestFile { path, problem }
}

fn bad_url(url: &str) -> SourceErrorKind {
    bad_origin(HttpError::Url(url.into()))
}

fn bad_origin(error: HttpError) -> SourceErrorKind {
    SourceErrorKind::Http(error.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_parsed() {
        let check = |line: &str, expected: Result<(&str, &str), &str>| {
            let found = parse_header(line);
            let found = found.as_ref().map(|(name, value)| (&**name, value.expose()));
            assert_eq!(found.map_err(|error| *error), expected, "{line}");
        };
        check("X-Token: abc", Ok(("X-Token", "abc")));
        check("x:a:b ", Ok(("x", "a:b")));
        check("token", Err("is no header"));
        check("a b: c", Err("has no name of a header before the colon"));
        check(" a: c", Err("has no name of a header before the colon"));
        check(": c", Err("has no name of a header before the colon"));
        check("Host: c", Err("is a header that the client sets itself"));
        check("range: bytes=0-", Err("is a header that the client sets itself"));
        check("a:", Err("has no value, or a control character in it"));
        check("a: b\u{7f}c", Err("has no value, or a control character in it"));
    }
}
