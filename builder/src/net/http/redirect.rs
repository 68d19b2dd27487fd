//! *Redirects* and other locations that a server sends: which may be followed, and with which
//! headers.

use url::Url;

use super::body::HttpResponse;
use super::{HttpClient, HttpError, HttpOrigin, HttpRequest, ServerPolicy, redact_url, url_origin};

const HOPS_MAX: usize = 10;

impl HttpClient {
    /// Sends a GET or HEAD request and follows redirects. The `Authorization` header and
    /// secret headers go to the first origin only, and what is granted to it holds for no other.
    pub(crate) fn send_following_redirects(
        &self,
        request: &HttpRequest<'_>,
    ) -> Result<HttpResponse, HttpError> {
        let first = url_origin(request.url)?;
        let mut url = request.url.clone();
        for _ in 0..HOPS_MAX {
            let mut hop = HttpRequest { url: &url, ..request.clone() };
            let origin = url_origin(&url)?;
            let is_elsewhere = origin != first;
            if is_elsewhere {
                hop.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("authorization"));
                hop.secret_headers.clear();
                hop.policy = ServerPolicy::default();
            }
            let response = match self.send(&hop, &[]) {
                Err(error) if is_elsewhere => return Err(error.of_redirect_target(&origin)),
                response => response?,
            };
            if !matches!(response.head.status, 301 | 302 | 303 | 307 | 308) {
                return Ok(response);
            }
            let Some(location) = response.head.header("location") else { return Ok(response) };
            let next = self.resolve_location(&url, location, hop.policy)?;
            response.discard();
            url = next;
        }
        Err(redirect_error(&url, "too many redirects"))
    }
}

impl HttpClient {
    /// Resolves a location that a server sent, and refuses one that must not be followed.
    pub(crate) fn resolve_location(
        &self,
        from: &Url,
        location: &str,
        policy: ServerPolicy,
    ) -> Result<Url, HttpError> {
        let url = parse_location(from, location)?;
        self.check_reach(from, &url, policy)?;
        Ok(url)
    }

    /// Refuses a URL that a server named if it is nearer to this machine than the server.
    pub(crate) fn check_reach(
        &self,
        from: &Url,
        url: &Url,
        policy: ServerPolicy,
    ) -> Result<(), HttpError> {
        if self.may_send_to(&url_origin(from)?, &url_origin(url)?, policy) {
            return Ok(());
        }
        Err(HttpError::PrivateRedirect(redact_url(url)))
    }
}

impl HttpError {
    fn of_redirect_target(self, target: &HttpOrigin) -> Self {
        match self {
            // It says itself where it was led.
            Self::Cancelled | Self::PrivateRedirect(_) => self,
            error => Self::RedirectTarget { host: target.authority(), error: Box::new(error) },
        }
    }
}

impl HttpResponse {
    /// Returns where a redirect that is not followed leads to, for messages; nothing if it is none.
    pub(crate) fn redirect_words(&self) -> Option<String> {
        let location =
            self.head.header("location").filter(|_| matches!(self.head.status, 300..400))?;
        let HttpOrigin { scheme, host, port } = self.origin();
        let base = Url::parse(&format!("{scheme}://{host}:{port}/")).ok()?;
        Some(format!("it redirects to `{}`", redact_url(&base.join(location).ok()?)))
    }
}

/// Parses a location that a server sent, and refuses one that must not be followed wherever it is.
fn parse_location(from: &Url, location: &str) -> Result<Url, HttpError> {
    let unreadable = |_| HttpError::Protocol("it redirects to what is no URL".into());
    let mut url = from.join(location).map_err(unreadable)?;
    let (old, new) = (url_origin(from)?, url_origin(&url)?);
    if old.is_tls() && !new.is_tls() {
        // Servers behind a proxy that terminates TLS often send `http` URLs.
        let is_itself = old.host == new.host && (new.port == 80 || new.port == old.port);
        if !is_itself {
            return Err(redirect_error(&url, "from https to http"));
        }
        let port = (old.port != 443).then_some(old.port);
        if url.set_scheme("https").is_err() || url.set_port(port).is_err() {
            return Err(redirect_error(&url, "from https to http"));
        }
    }
    // User and password of the URL would be sent as a credential.
    if !url.username().is_empty() || url.password().is_some() {
        return Err(redirect_error(&url, "it carries a password"));
    }
    url.set_fragment(None);
    Ok(url)
}

fn redirect_error(url: &Url, reason: &'static str) -> HttpError {
    HttpError::Redirect { url: redact_url(url), reason }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::super::PrivateRedirects;
    use super::super::testing::client;
    use super::*;

    fn resolve(client: &HttpClient, from: &str, location: &str) -> String {
        let policy = ServerPolicy::default();
        let found = client.resolve_location(&Url::parse(from).unwrap(), location, policy);
        found.map_or_else(|error| error.to_string(), |url| url.to_string())
    }

    /// Makes a client know where a server was reached.
    fn reach(client: &HttpClient, host: &str, port: u16, address: &str) {
        client.remember_address(host, port, (address.parse::<IpAddr>().unwrap(), port).into());
    }

    fn check(from: &str, location: &str, expected: &str) {
        let found = resolve(&client(PrivateRedirects::Refuse), from, location);
        assert_eq!(found, expected, "{from} {location}");
    }

    /// The address that answered decides, not the name that it was found by.
    #[test]
    fn a_server_sends_to_what_is_where_it_is_itself() {
        let check = |peer: &str, location: &str, follows: bool| {
            let client = client(PrivateRedirects::Refuse);
            reach(&client, "q.invalid", 5000, peer);
            let found = resolve(&client, "http://q.invalid:5000/v2/", location);
            assert_eq!(found == location, follows, "{peer} {location}: {found}");
        };
        check("127.0.0.1", "http://127.0.0.1:9000/b", true);
        check("127.0.0.1", "http://10.0.0.9/b", true);
        check("127.0.0.1", "http://169.254.169.254/b", false);
        check("10.0.0.1", "http://10.0.0.9/b", true);
        check("10.0.0.1", "http://192.168.7.7/b", true);
        check("10.0.0.1", "http://[fd00::1]/b", true);
        check("10.0.0.1", "http://9.9.9.9/b", true);
        check("10.0.0.1", "http://s3.invalid/b", true);
        check("10.0.0.1", "http://127.0.0.1/b", false);
        check("10.0.0.1", "http://localhost/b", false);
        check("10.0.0.1", "http://169.254.169.254/b", false);
        check("9.9.9.9", "http://10.0.0.9/b", false);
        check("9.9.9.9", "http://s3.invalid/b", true);
    }

    /// A name that leads to a near address is refused as the address is.
    #[test]
    fn names_do_not_hide_addresses() {
        let client = client(PrivateRedirects::Refuse);
        reach(&client, "q.invalid", 443, "9.9.9.9");
        reach(&client, "near.invalid", 443, "10.0.0.9");
        let near = "a private or local address";
        let refused = format!("refusing the redirect to `https://near.invalid/`: {near}");
        assert_eq!(resolve(&client, "https://q.invalid/v2/", "https://near.invalid/"), refused);
    }

    /// Addresses of a name may be others when a connection to it is made.
    #[test]
    fn names_are_held_to_what_was_allowed() {
        let client = client(PrivateRedirects::Refuse);
        reach(&client, "q.invalid", 443, "9.9.9.9");
        reach(&client, "near.invalid", 443, "10.0.0.9");
        let target = url_origin(&Url::parse("https://s3.invalid/").unwrap()).unwrap();
        let check = |address: &str, is_allowed: bool| {
            let addresses = [(address.parse::<IpAddr>().unwrap(), 443).into()];
            assert_eq!(
                client.check_addresses(&target, &addresses).is_ok(),
                is_allowed,
                "{address}"
            );
        };
        // What the user named may be anywhere.
        check("127.0.0.1", true);
        resolve(&client, "https://near.invalid/v2/", "https://s3.invalid/");
        check("10.0.0.9", true);
        check("127.0.0.1", false);
        resolve(&client, "https://q.invalid/v2/", "https://s3.invalid/");
        check("9.9.9.9", true);
        check("10.0.0.9", false);
    }

    #[test]
    fn private_redirects_can_be_allowed() {
        let all = client(PrivateRedirects::Follow);
        assert_eq!(resolve(&all, "https://q.invalid/", "https://10.0.0.9/b"), "https://10.0.0.9/b");
        let one = client(PrivateRedirects::Refuse);
        let policy =
            ServerPolicy { redirects: PrivateRedirects::Follow, ..ServerPolicy::default() };
        let (from, near) = (Url::parse("https://q.invalid/").unwrap(), "https://10.0.0.9/b");
        assert_eq!(one.resolve_location(&from, near, policy).unwrap().as_str(), near);
        // Another path of the same server has another policy.
        assert!(resolve(&one, "https://q.invalid/", near).starts_with("refusing"));
        // The rest stays refused.
        assert!(resolve(&all, "https://q.invalid/", "http://10.0.0.9/b").starts_with("refusing"));
    }

    #[test]
    fn nobody_sends_to_the_link() {
        let near = "a private or local address";
        for from in ["http://127.0.0.1:5000/v2/", "http://10.0.0.1/v2/", "http://q.x/"] {
            for place in ["http://169.254.169.254/x", "http://[fe80::1]/x"] {
                check(from, place, &format!("refusing the redirect to `{place}`: {near}"));
            }
        }
        check("http://169.254.0.1/", "http://169.254.0.2/u", "http://169.254.0.2/u");
        check("http://169.254.0.1/", "http://10.0.0.1/u", "http://10.0.0.1/u");
        check(
            "http://169.254.0.1/",
            "http://127.0.0.1/",
            &format!("refusing the redirect to `http://127.0.0.1/`: {near}"),
        );
    }

    #[test]
    fn places_that_servers_send_to() {
        let q = "https://q.io/v2/a/blobs/uploads/";
        check(q, "/v2/a/blobs/uploads/1?_state=x", "https://q.io/v2/a/blobs/uploads/1?_state=x");
        check(q, "1", "https://q.io/v2/a/blobs/uploads/1");
        check(q, "https://s3.x/b?sig=1", "https://s3.x/b?sig=1");
        check(q, "http://q.io/u/1", "https://q.io/u/1");
        check("https://q.io:5000/v2/", "http://q.io/u/1", "https://q.io:5000/u/1");
        check(
            q,
            "http://q.io:5001/token",
            "refusing the redirect to `http://q.io:5001/token`: from https to http",
        );
        check(
            q,
            "http://s3.x/u?sig=1",
            "refusing the redirect to `http://s3.x/u?sig=…`: from https to http",
        );
        let near = "a private or local address";
        for place in [
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://localhost/",
            "https://10.0.0.1/",
            "https://169.254.169.254/",
            "https://100.100.100.200/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[fd00::1]/",
            "https://0.0.0.0/",
        ] {
            let url = Url::parse(place).unwrap();
            check(q, place, &format!("refusing the redirect to `{url}`: {near}"));
        }
        check("http://127.0.0.1:5000/v2/", "http://127.0.0.1:80/u", "http://127.0.0.1/u");
        check("http://10.0.0.1/v2/", "http://10.0.0.2/u", "http://10.0.0.2/u");
        check(
            "http://10.0.0.1/",
            "http://127.0.0.1/",
            &format!("refusing the redirect to `http://127.0.0.1/`: {near}"),
        );
        check(
            q,
            "https://me@s3.x/",
            "refusing the redirect to `https://s3.x/`: it carries a password",
        );
        check(q, "ftp://s3.x/", "`ftp://s3.x/` is neither http nor https");
    }
}
