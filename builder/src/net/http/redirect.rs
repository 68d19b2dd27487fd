//! *Redirects* and other locations that a server sends: which may be followed, and with which headers.

use std::net::IpAddr;

use url::{Host, Url};

use super::body::HttpResponse;
use super::{HttpClient, HttpError, HttpOrigin, HttpRequest, redact_url, url_origin};

const HOPS_MAX: usize = 10;

impl HttpClient {
    /// Sends a GET or HEAD request and follows redirects. The `Authorization` header goes to the first
    /// origin only.
    pub(crate) fn send_following_redirects(
        &self,
        request: &HttpRequest<'_>,
    ) -> Result<HttpResponse, HttpError> {
        let first = url_origin(request.url)?;
        let mut url = request.url.clone();
        for _ in 0..HOPS_MAX {
            let mut hop = HttpRequest { url: &url, ..request.clone() };
            if url_origin(&url)? != first {
                hop.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("authorization"));
            }
            let response = self.send(&hop, &[])?;
            if !matches!(response.head.status, 301 | 302 | 303 | 307 | 308) {
                return Ok(response);
            }
            let Some(location) = response.head.header("location") else { return Ok(response) };
            let next = resolve_location(&url, location)?;
            response.discard();
            url = next;
        }
        Err(redirect_error(&url, "too many redirects"))
    }
}

/// Resolves a location that a server sent, and refuses one that must not be followed.
pub(crate) fn resolve_location(from: &Url, location: &str) -> Result<Url, HttpError> {
    let unreadable = |_| HttpError::Protocol("the server sends to a place that is no URL".into());
    let mut url = from.join(location).map_err(unreadable)?;
    let (old, mut new) = (url_origin(from)?, url_origin(&url)?);
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
        new = url_origin(&url)?;
    }
    if old.host != new.host && is_nearer(origin_reach(&new), origin_reach(&old)) {
        return Err(redirect_error(&url, "an address that only this machine or network can reach"));
    }
    // User and password of the URL would be sent as a credential.
    if !url.username().is_empty() || url.password().is_some() {
        return Err(redirect_error(&url, "it carries a password"));
    }
    url.set_fragment(None);
    Ok(url)
}

/// From where an address can be reached. A remote server must not redirect to a nearer address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum AddressReach {
    Machine,
    Link,
    Network,
    World,
}

/// Returns whether an address is too near. Metadata servers of clouds, which hold secrets, have
/// link-local addresses; a server on this machine can be the end of a tunnel to a remote one.
fn is_nearer(new: AddressReach, old: AddressReach) -> bool {
    new < old || (new == AddressReach::Link && old != AddressReach::Link)
}

fn origin_reach(origin: &HttpOrigin) -> AddressReach {
    let address: IpAddr = match Host::parse(&origin.host) {
        Ok(Host::Ipv4(address)) => address.into(),
        Ok(Host::Ipv6(address)) => match address.to_ipv4_mapped() {
            Some(address) => address.into(),
            None => address.into(),
        },
        Ok(Host::Domain(name)) if name == "localhost" || name.ends_with(".localhost") => {
            return AddressReach::Machine;
        }
        _ => return AddressReach::World,
    };
    let (is_link, is_network) = match address {
        _ if address.is_loopback() || address.is_unspecified() => return AddressReach::Machine,
        IpAddr::V4(v4) => (v4.is_link_local(), v4.is_private() || is_shared_address(v4.octets())),
        IpAddr::V6(v6) => (v6.is_unicast_link_local(), v6.is_unique_local()),
    };
    match (is_link, is_network) {
        (true, _) => AddressReach::Link,
        (_, true) => AddressReach::Network,
        _ => AddressReach::World,
    }
}

/// Returns whether an address is in 100.64.0.0/10 (RFC 6598), where some clouds have their metadata
/// servers.
fn is_shared_address(octets: [u8; 4]) -> bool {
    octets[0] == 100 && octets[1] & 0xc0 == 64
}

/// Returns whether a host is this machine.
pub(crate) fn is_loopback(origin: &HttpOrigin) -> bool {
    origin_reach(origin) == AddressReach::Machine
}

fn redirect_error(url: &Url, reason: &'static str) -> HttpError {
    HttpError::Redirect { url: redact_url(url), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(from: &str, location: &str, expected: &str) {
        let found = resolve_location(&Url::parse(from).unwrap(), location);
        let found = found.map_or_else(|error| error.to_string(), |url| url.to_string());
        assert_eq!(found, expected, "{from} {location}");
    }

    #[test]
    fn nobody_sends_to_the_link() {
        let near = "an address that only this machine or network can reach";
        for from in ["http://127.0.0.1:5000/v2/", "http://10.0.0.1/v2/", "http://q.x/"] {
            for place in ["http://169.254.169.254/x", "http://[fe80::1]/x"] {
                check(from, place, &format!("refusing to follow to `{place}`: {near}"));
            }
        }
        check("http://169.254.0.1/", "http://169.254.0.2/u", "http://169.254.0.2/u");
        check("http://169.254.0.1/", "http://10.0.0.1/u", "http://10.0.0.1/u");
        check(
            "http://169.254.0.1/",
            "http://127.0.0.1/",
            &format!("refusing to follow to `http://127.0.0.1/`: {near}"),
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
            "refusing to follow to `http://q.io:5001/token`: from https to http",
        );
        check(
            q,
            "http://s3.x/u?sig=1",
            "refusing to follow to `http://s3.x/u?sig=…`: from https to http",
        );
        let near = "an address that only this machine or network can reach";
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
            check(q, place, &format!("refusing to follow to `{url}`: {near}"));
        }
        check("http://127.0.0.1:5000/v2/", "http://127.0.0.1:80/u", "http://127.0.0.1/u");
        check("http://10.0.0.1/v2/", "http://10.0.0.2/u", "http://10.0.0.2/u");
        check(
            "http://10.0.0.1/",
            "http://127.0.0.1/",
            &format!("refusing to follow to `http://127.0.0.1/`: {near}"),
        );
        check(
            q,
            "https://me@s3.x/",
            "refusing to follow to `https://s3.x/`: it carries a password",
        );
        check(q, "ftp://s3.x/", "`ftp://s3.x/` is neither http nor https");
    }
}
