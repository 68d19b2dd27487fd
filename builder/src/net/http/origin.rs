//! An *origin* is where a connection leads, and a URL as it can be shown.

use url::Url;

use super::error::HttpError;

/// Where a connection leads: what may be sent to one must not be sent to another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct HttpOrigin {
    pub(crate) scheme: String,
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// Returns where a URL leads.
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
    /// Returns the host and, unless it is the scheme's own, the port.
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

/// Returns a URL that can be shown: the values of its query are often signatures, and before an `@`
/// stands a password.
pub(crate) fn redact_url(url: &Url) -> String {
    let mut url = url.clone();
    // Only a URL without a host refuses, and that has neither.
    url.set_username("").and_then(|()| url.set_password(None)).unwrap_or_default();
    let query = url.query_pairs().map(|(name, value)| match &*name {
        // A digest tells nothing that is secret.
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
