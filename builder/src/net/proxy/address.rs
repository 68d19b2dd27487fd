//! The *address* of a proxy: a URL of which only the server and the user matter.

use std::net::Ipv6Addr;

use super::{ProxyError, ProxyVariable};
use crate::net::secret::Secret;

/// Address and scheme of a proxy, and the user that it is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProxyAddress {
    scheme: ProxyScheme,
    host: String,
    port: u16,
    user: Option<ProxyUser>,
}

/// The user that a proxy is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProxyUser {
    /// The name.
    pub(crate) name: String,
    /// The password; empty if there is none.
    pub(crate) password: Secret,
}

/// The protocol that a proxy speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProxyScheme {
    /// HTTP without TLS.
    Http,
    /// HTTP with TLS.
    Https,
    /// SOCKS5, with names that the proxy resolves. As in Go, `socks5` and `socks5h` are the same.
    Socks5,
}

impl ProxyAddress {
    /// Returns the scheme.
    pub(crate) fn scheme(&self) -> ProxyScheme {
        self.scheme
    }

    /// Returns the name or the IP address; an IPv6 address without brackets.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Returns the port, that of the protocol where none was given.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Returns the user, if there is one.
    pub(crate) fn user(&self) -> Option<&ProxyUser> {
        self.user.as_ref()
    }

    /// Parses the value of a variable: a URL, or a host without a scheme.
    pub(super) fn parse_variable(variable: &ProxyVariable) -> Result<Self, ProxyError> {
        let value = variable.value.expose().trim();
        let (scheme, rest) = value.split_once("://").unwrap_or(("http", value));
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "http" => ProxyScheme::Http,
            "https" => ProxyScheme::Https,
            "socks5" | "socks5h" => ProxyScheme::Socks5,
            _ => return Err(ProxyError::Scheme(variable.name)),
        };
        Self::parse_authority(scheme, rest).ok_or(ProxyError::Address(variable.name))
    }

    fn parse_authority(scheme: ProxyScheme, rest: &str) -> Option<Self> {
        // In a password these characters have to be percent-encoded.
        let authority = rest.split(['/', '?', '#']).next()?;
        // The rest of a password that has one would be taken for nothing, its start for the host.
        if rest[authority.len()..].contains('@') {
            return None;
        }
        let (user, server) = match authority.rsplit_once('@') {
            Some((user, server)) => (Some(user), server),
            None => (None, authority),
        };
        let (host, port) = split_port(server)?;
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        let is_host = if server.starts_with('[') {
            host.parse::<Ipv6Addr>().is_ok()
        } else {
            !host.is_empty() && host.bytes().all(is_name)
        };
        if !is_host {
            return None;
        }
        let default = match scheme {
            ProxyScheme::Http => 80,
            ProxyScheme::Https => 443,
            ProxyScheme::Socks5 => 1080,
        };
        let port = port.map_or(Some(default), |port| port.parse().ok().filter(|port| *port > 0))?;
        let user = match user {
            Some(user) => Some(ProxyUser::parse(user)?),
            None => None,
        };
        Some(Self { scheme, host: host.to_ascii_lowercase(), port, user })
    }
}

/// Splits `HOST:PORT`, where the port may be missing or empty. An IPv6 address with a port has
/// brackets.
pub(super) fn split_port(server: &str) -> Option<(&str, Option<&str>)> {
    let (host, port) = match server.strip_prefix('[') {
        Some(rest) => match rest.split_once(']')? {
            (host, "") => (host, None),
            (host, port) => (host, Some(port.strip_prefix(':')?)),
        },
        None => match server.split_once(':') {
            Some((host, port)) if !port.contains(':') => (host, Some(port)),
            _ => (server, None),
        },
    };
    Some((host, port.filter(|port| !port.is_empty())))
}

impl ProxyUser {
    fn parse(user: &str) -> Option<Self> {
        let (name, password) = user.split_once(':').unwrap_or((user, ""));
        Some(Self { name: percent_decode(name)?, password: Secret::new(percent_decode(password)?) })
    }
}

/// Decodes `%XX`; nothing if the result is not UTF-8.
fn percent_decode(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (hex, rest) = part.split_at_checked(2)?;
        // `from_str_radix` would take a sign.
        if !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        bytes.push(u8::from_str_radix(hex, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(value: &str) -> Result<ProxyAddress, ProxyError> {
        ProxyAddress::parse_variable(&ProxyVariable {
            name: "HTTP_PROXY",
            value: Secret::new(value),
        })
    }

    #[test]
    fn an_address_is_a_url_or_a_host() {
        let check = |value: &str, expected: &str| {
            let shown = read(value).map_or("none".into(), |address| {
                let user = address.user().map_or(String::new(), |user| {
                    format!(" as {} {}", user.name, user.password.expose())
                });
                format!("{:?} {} {}{user}", address.scheme(), address.host(), address.port())
            });
            assert_eq!(shown, expected, "{value}");
        };
        check("http://h", "Http h 80");
        check("http://h/", "Http h 80");
        check("http://h:3128/x?y#z", "Http h 3128");
        check("HTTPS://H", "Https h 443");
        check("https://h:8443", "Https h 8443");
        check("h", "Http h 80");
        check("h:3128", "Http h 3128");
        check("h:", "Http h 80");
        check(" 10.0.0.1:3128 ", "Http 10.0.0.1 3128");
        check("[::1]:3128", "Http ::1 3128");
        check("http://[fe80::1]", "Http fe80::1 80");
        check("socks5://h", "Socks5 h 1080");
        check("SOCKS5H://u:p@h:1081", "Socks5 h 1081 as u p");
        check("http://u:p@h", "Http h 80 as u p");
        check("u:p@h:1", "Http h 1 as u p");
        check("http://u@h", "Http h 80 as u ");
        check("http://a%40b:p%3Aq%2f@h", "Http h 80 as a@b p:q/");
        check("http://u:p@q@h", "Http h 80 as u p@q");
        check("http://u:p:q@h", "Http h 80 as u p:q");
        for bad in [
            "",
            "http://",
            "http://:80",
            "http://h:0",
            "http://h:65536",
            "http://h:x",
            "http://h h",
            "http://[::1",
            "http://[h]",
            "http://[::1]80",
            "http://::1",
            "http://u:%zz@h",
            "http://u:%+1@h",
            "http://u:%f@h",
            "http://u:%ff@h",
            "http://ü",
            "socks4://h",
            "socks://h",
            "ftp://h",
            "http://u:p#q@h",
            "http://u:p/q@h",
        ] {
            check(bad, "none");
        }
    }

    proptest! {
        #[test]
        fn any_value_is_an_address_or_not(value in "(http://)?[%:@\\[\\]/a-f0-9é]{0,16}") {
            if let Ok(address) = read(&value) {
                prop_assert!(!address.host().is_empty() && address.port() > 0);
            }
        }
    }
}
