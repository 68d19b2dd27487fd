//! The *exceptions* are the servers that are reached without a proxy: what `NO_PROXY` lists, and
//! always this machine.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::address::split_port;

/// Servers that are reached without a proxy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ProxyExceptions(Vec<ProxyException>);

/// One item of `NO_PROXY`.
#[derive(Debug, Clone, PartialEq, Eq)]
enum ProxyException {
    /// `*`.
    All,
    /// Addresses whose first `bits` bits are those of `address`, both as IPv6 addresses.
    Network { address: u128, bits: u32 },
    /// One address, perhaps at one port only.
    Address { address: IpAddr, port: Option<u16> },
    /// Hosts whose names end with `suffix`, which begins with a dot; perhaps at one port only.
    Domain { suffix: String, itself: DomainItself, port: Option<u16> },
}

/// Whether the domain itself is included beside its subdomains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DomainItself {
    Included,
    Excluded,
}

impl ProxyExceptions {
    /// Parses a list separated by commas. Invalid items are ignored, as in Go.
    pub(super) fn parse(list: &str) -> Self {
        Self(
            list.split(',')
                .filter_map(|item| parse_exception(&item.trim().to_lowercase()))
                .collect(),
        )
    }

    /// Returns whether a server is reached without a proxy.
    pub(super) fn contains(&self, host: &str, port: u16) -> bool {
        let host = host.trim().to_lowercase();
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&host);
        let address = bare.parse::<IpAddr>().ok().map(|address| address.to_canonical());
        if bare == "localhost" || address.is_some_and(|address| address.is_loopback()) {
            return true;
        }
        self.0.iter().any(|exception| exception.matches(bare, address, port))
    }
}

impl ProxyException {
    fn matches(&self, host: &str, address: Option<IpAddr>, port: u16) -> bool {
        let at = |only: Option<u16>| only.is_none_or(|only| only == port);
        match self {
            Self::All => true,
            Self::Network { address: network, bits } => address
                .is_some_and(|address| (ipv6_bits(address) ^ network).leading_zeros() >= *bits),
            Self::Address { address: only, port } => address == Some(*only) && at(*port),
            Self::Domain { suffix, itself, port } => {
                let same =
                    *itself == DomainItself::Included && suffix.strip_prefix('.') == Some(host);
                (same || host.ends_with(suffix)) && at(*port)
            }
        }
    }
}

fn parse_exception(item: &str) -> Option<ProxyException> {
    if item.is_empty() {
        return None;
    }
    if item == "*" {
        return Some(ProxyException::All);
    }
    if let Some((address, bits)) = item.split_once('/') {
        return parse_network(address.parse().ok()?, bits.parse().ok()?);
    }
    let (host, port) = split_port(item)?;
    let port = port.map(str::parse).transpose().ok()?;
    if let Ok(address) = host.parse::<IpAddr>() {
        return Some(ProxyException::Address { address: address.to_canonical(), port });
    }
    let host = host.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(host);
    if host.trim_start_matches('.').is_empty() {
        return None;
    }
    Some(if host.starts_with('.') {
        ProxyException::Domain { suffix: host.into(), itself: DomainItself::Excluded, port }
    } else {
        ProxyException::Domain { suffix: format!(".{host}"), itself: DomainItself::Included, port }
    })
}

fn parse_network(address: IpAddr, bits: u32) -> Option<ProxyException> {
    let (width, before) = match address {
        IpAddr::V4(_) => (Ipv4Addr::BITS, Ipv6Addr::BITS - Ipv4Addr::BITS),
        IpAddr::V6(_) => (Ipv6Addr::BITS, 0),
    };
    (bits <= width)
        .then(|| ProxyException::Network { address: ipv6_bits(address), bits: before + bits })
}

/// Returns the bits of an address as an IPv6 address, so that both kinds compare in the same way.
fn ipv6_bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(list: &str, host: &str, port: u16, expected: bool) {
        assert_eq!(
            ProxyExceptions::parse(list).contains(host, port),
            expected,
            "{list} {host}:{port}"
        );
    }

    #[test]
    fn this_machine_is_always_excepted() {
        check("", "localhost", 80, true);
        check("", "LOCALHOST", 80, true);
        check("", "127.0.0.1", 80, true);
        check("", "127.9.9.9", 80, true);
        check("", "::1", 80, true);
        check("", "[::1]", 5000, true);
        check("", "::ffff:127.0.0.1", 80, true);
        check("", "localhost.example.com", 80, false);
        check("", "10.0.0.1", 80, false);
        check("", "q.io", 443, false);
    }

    #[test]
    fn domains_are_excepted_as_in_go() {
        check("example.com", "example.com", 443, true);
        check("example.com", "a.example.com", 443, true);
        check("example.com", "a.b.example.com", 443, true);
        check("example.com", "EXAMPLE.com", 443, true);
        check("Example.COM", "example.com", 443, true);
        check("example.com", "notexample.com", 443, false);
        check("example.com", "example.com.org", 443, false);
        check(".example.com", "example.com", 443, false);
        check(".example.com", "a.example.com", 443, true);
        check("*.example.com", "a.example.com", 443, true);
        check("*.example.com", "example.com", 443, false);
        check("*example.com", "a.example.com", 443, false);
        check("com", "example.com", 443, true);
        check("registry", "registry", 5000, true);
    }

    #[test]
    fn items_are_separated_by_commas() {
        check("a.org, example.com ,b.org", "example.com", 443, true);
        check("a.org,,b.org", "b.org", 443, true);
        check("a.org b.org", "a.org", 443, false);
        check(",", "q.io", 443, false);
        check(" ", "q.io", 443, false);
        check("*", "q.io", 443, true);
        check("a.org,*", "10.0.0.1", 443, true);
        // Invalid items.
        check("[", "q.io", 443, false);
        check("[::1", "q.io", 443, false);
        check(".", "q.io", 443, false);
        check("*.", "q.io.", 443, false);
        check(":80", "q.io", 80, false);
    }

    #[test]
    fn a_port_narrows_an_exception() {
        check("example.com:443", "example.com", 443, true);
        check("example.com:443", "a.example.com", 443, true);
        check("example.com:443", "example.com", 80, false);
        check("example.com:x", "example.com", 443, false);
        check("10.0.0.1:80", "10.0.0.1", 80, true);
        check("10.0.0.1:80", "10.0.0.1", 81, false);
        check("[fd00::1]:80", "fd00::1", 80, true);
        check("[fd00::1]:80", "fd00::1", 81, false);
        check("[fd00::1]", "[fd00::1]", 81, true);
        check("[fd00::1]80", "fd00::1", 80, false);
        check("example.com:", "example.com", 80, true);
    }

    #[test]
    fn addresses_and_networks_are_excepted() {
        check("10.0.0.1", "10.0.0.1", 80, true);
        check("10.0.0.1", "10.0.0.11", 80, false);
        check("fd00::1", "fd00:0::1", 80, true);
        check("10.0.0.1", "::ffff:10.0.0.1", 80, true);
        check("10.0.0.0/8", "10.1.2.3", 80, true);
        check("10.0.0.0/8", "11.1.2.3", 80, false);
        check("10.1.2.3/8", "10.9.9.9", 80, true);
        check("10.0.0.1/32", "10.0.0.1", 80, true);
        check("10.0.0.1/32", "10.0.0.2", 80, false);
        check("0.0.0.0/0", "9.9.9.9", 80, true);
        check("0.0.0.0/0", "fd00::1", 80, false);
        check("fd00::/8", "fd12::1", 80, true);
        check("fd00::/8", "fe12::1", 80, false);
        check("10.0.0.0/33", "10.0.0.0", 80, false);
        check("10.0.0.0/x", "10.0.0.0", 80, false);
        check("10.0.0.0/8", "ten.example.com", 80, false);
    }

    proptest! {
        #[test]
        fn any_list_is_read(list in "[*.,:/\\[\\]a-f0-9é ]{0,24}", host in "[.:\\[\\]a-f0-9é]{0,12}") {
            let everything = format!("{list},*");
            prop_assert!(ProxyExceptions::parse(&everything).contains(&host, 1));
            ProxyExceptions::parse(&list).contains(&host, 1);
        }
    }
}
