//! An *origin* is the server of a connection: scheme, host and port. URLs are redacted here too.

use url::Url;

use super::error::HttpError;

/// The server of a connection. What may be sent to one origin must not be sent to another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct HttpOrigin {
    pub(crate) scheme: String,
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// Returns the origin of a URL.
pub(crate) fn url_origin(url: &Url) -> Result<HttpOrigin, HttpError> {
    let scheme = url.scheme();
    match (scheme, url.host_str(), url.port_or_known_default()) {
        ("http" | "https", Some(host), Some(port)) => {
            Ok(HttpOrigin { scheme: scheme.into(), host: host.into(), port })
        }
        _ => Err(HttpError::Url(redact_url(url))),
    }
}

impl HttpOrigin {
    /// Returns the host and, unless it is the default of the scheme, the port.
    pub(crate) fn authority(&self) -> String {
        match (self.scheme.as_str(), self.port) {
            ("http", 80) | ("https", 443) => self.host.clone(),
            (_, port) => format!("{}:{port}", self.host),
        }
    }

    pub(crate) fn is_tls(&self) -> bool {
        self.scheme == "https"
    }
}

/// Returns a URL that can be shown; nothing of a text that is no URL.
pub(crate) fn shown_url(text: &str) -> String {
    Url::parse(text).map_or_else(|_| String::new(), |url| redact_url(&url))
}

/// Returns a URL that can be shown, without its user, password and most values of its query, which
/// are often signatures.
pub(crate) fn redact_url(url: &Url) -> String {
    let mut url = url.clone();
    // Setting them fails only for a URL without a host, which has neither.
    url.set_username("").and_then(|()| url.set_password(None)).unwrap_or_default();
    let query = url.query_pairs().map(|(name, value)| match &*name {
        // These are not secret.
        "digest" | "mount" | "from" | "scope" | "service" | "n" | "last" => {
            format!("{name}={value}")
        }
        _ => format!("{name}=…"),
    });
    let query = query.collect::<Vec<_>>().join("&");
    url.set_query(None);
    url.set_fragment(None);
    if query.is_empty() { url.to_string() } else { format!("{url}?{query}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_urls_hold_no_secret() {
        let check = |url: &str, expected: &str| {
            assert_eq!(redact_url(&Url::parse(url).unwrap()), expected);
        };
        check("https://q.io/v2/", "https://q.io/v2/");
        check("https://me:pass@q.io/v2/", "https://q.io/v2/");
        check(
            "https://q.io/u?_state=abc&digest=sha256:1",
            "https://q.io/u?_state=…&digest=sha256:1",
        );
        check("https://s3.x/b?X-Amz-Signature=1#f", "https://s3.x/b?X-Amz-Signature=…");
    }

    #[test]
    fn origins_have_a_scheme_a_host_and_a_port() {
        let check = |url: &str, expected: &str| {
            let found = url_origin(&Url::parse(url).unwrap());
            let found = found.map_or_else(
                |error| error.to_string(),
                |origin| format!("{} {} {}", origin.scheme, origin.authority(), origin.port),
            );
            assert_eq!(found, expected);
        };
        check("https://Q.io/x", "https q.io 443");
        check("https://q.io:443/x", "https q.io 443");
        check("http://q.io:5000/x", "http q.io:5000 5000");
        check("http://[::1]:5000/x", "http [::1]:5000 5000");
        check("ftp://q.io/x", "`ftp://q.io/x` is neither http nor https");
    }
}
