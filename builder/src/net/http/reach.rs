//! The *reach* of a server: from where its address can be reached. What counts is the address, not
//! whether a URL has it or a name that leads to it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::PoisonError;

use url::Host;

use super::connect::resolve_host;
use super::{HttpClient, HttpError, HttpOrigin, ServerPolicy};
use crate::net::proxy::RequestScheme;

/// From where an address can be reached. A remote server must not redirect to a nearer address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum AddressReach {
    Machine,
    Link,
    Network,
    World,
}

impl AddressReach {
    /// Returns whether an address is too near for a server to send to it. Metadata servers of
    /// clouds, which hold secrets, have link-local addresses; a server on this machine can be the
    /// end of a tunnel to a remote one.
    fn is_too_near_for(self, server: Self) -> bool {
        self < server || (self == Self::Link && server != Self::Link)
    }

    /// Returns whether a server of this reach may send to one that has these addresses.
    fn may_send_to(self, targets: &[IpAddr]) -> bool {
        let is_own = |address: &IpAddr| is_own_address(address.to_canonical());
        if self == Self::Machine && !targets.is_empty() && targets.iter().all(is_own) {
            return true;
        }
        !Self::of_nearest(targets).is_too_near_for(self)
    }

    /// Returns the reach by the range of the address.
    fn of_address(address: IpAddr) -> Self {
        let address = address.to_canonical();
        let (is_link, is_network) = match address {
            _ if address.is_loopback() || address.is_unspecified() => return Self::Machine,
            IpAddr::V4(v4) => {
                (v4.is_link_local(), v4.is_private() || is_shared_address(v4.octets()))
            }
            IpAddr::V6(v6) => (v6.is_unicast_link_local(), v6.is_unique_local()),
        };
        match (is_link, is_network) {
            (true, _) => Self::Link,
            (_, true) => Self::Network,
            _ => Self::World,
        }
    }

    /// Returns the reach of the nearest of several addresses.
    fn of_nearest(addresses: &[IpAddr]) -> Self {
        // A name on the local network has such an address beside others, and it is of no use without
        // the interface.
        let is_usable = |address: &&IpAddr| match address {
            IpAddr::V6(v6) => !v6.is_unicast_link_local(),
            IpAddr::V4(_) => true,
        };
        let usable = addresses.iter().filter(is_usable).map(|it| Self::of_address(*it)).min();
        usable.or(addresses.first().map(|it| Self::of_address(*it))).unwrap_or(Self::World)
    }
}

/// Returns whether an address is in 100.64.0.0/10 (RFC 6598), where some clouds have their metadata
/// servers.
fn is_shared_address(octets: [u8; 4]) -> bool {
    octets[0] == 100 && octets[1] & 0xc0 == 64
}

/// Returns whether an address is one of this machine's own. No packet is sent: the system chooses
/// the address itself as the source of what is sent to it.
fn is_own_address(address: IpAddr) -> bool {
    let unspecified: IpAddr = match address {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let source = UdpSocket::bind((unspecified, 0)).and_then(|socket| {
        socket.connect((address, 9))?;
        socket.local_addr()
    });
    source.is_ok_and(|source| source.ip() == address)
}

/// Returns the address that a host is written as, if it is one.
fn written_address(host: &str) -> Option<IpAddr> {
    match Host::parse(host) {
        Ok(Host::Ipv4(address)) => Some(address.into()),
        Ok(Host::Ipv6(address)) => Some(address.into()),
        Ok(Host::Domain(name)) if name == "localhost" || name.ends_with(".localhost") => {
            Some(Ipv4Addr::LOCALHOST.into())
        }
        _ => None,
    }
}

/// Returns whether a host is this machine, as it is written.
pub(crate) fn is_loopback(origin: &HttpOrigin) -> bool {
    let address = written_address(&origin.host);
    address.is_some_and(|address| AddressReach::of_address(address) == AddressReach::Machine)
}

impl HttpClient {
    fn known_address(&self, origin: &HttpOrigin) -> Option<IpAddr> {
        self.reached_address(&origin.host, origin.port).map(|address| address.ip())
    }

    /// Returns whether a server that answered may send to another one.
    pub(super) fn may_send_to(
        &self,
        server: &HttpOrigin,
        target: &HttpOrigin,
        policy: ServerPolicy,
    ) -> bool {
        if server.host == target.host || self.follows_private_redirects(policy) {
            return true;
        }
        // Only the address that answered counts: a name can have others that are nearer.
        let own = self.known_address(server).or_else(|| written_address(&server.host));
        let from = match own {
            Some(address) if is_own_address(address.to_canonical()) => AddressReach::Machine,
            Some(address) => AddressReach::of_address(address),
            None => AddressReach::World,
        };
        let may_send = from.may_send_to(&self.target_addresses(target));
        if may_send {
            self.remember_sender(target, from);
        }
        may_send
    }

    fn remember_sender(&self, target: &HttpOrigin, from: AddressReach) {
        let mut senders = self.shared.senders.lock().unwrap_or_else(PoisonError::into_inner);
        let farthest = senders.entry(target.clone()).or_insert(from);
        *farthest = from.max(*farthest);
    }

    /// Fails if a name that a server sent to has other addresses now than when that was allowed.
    pub(super) fn check_addresses(
        &self,
        target: &HttpOrigin,
        addresses: &[SocketAddr],
    ) -> Result<(), HttpError> {
        let senders = self.shared.senders.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(from) = senders.get(target).copied() else { return Ok(()) };
        drop(senders);
        let addresses: Vec<IpAddr> = addresses.iter().map(SocketAddr::ip).collect();
        if from.may_send_to(&addresses) {
            return Ok(());
        }
        Err(HttpError::PrivateRedirect(format!("{}://{}/", target.scheme, target.authority())))
    }

    /// Returns the addresses of a server that may not have been contacted yet; none if only a proxy
    /// knows them, or if the name has none.
    fn target_addresses(&self, target: &HttpOrigin) -> Vec<IpAddr> {
        if let Some(address) = written_address(&target.host).or_else(|| self.known_address(target))
        {
            return vec![address];
        }
        let scheme = if target.is_tls() { RequestScheme::Https } else { RequestScheme::Http };
        let proxies = &self.options().proxies;
        if !matches!(proxies.for_server(scheme, &target.host, target.port), Ok(None)) {
            return Vec::new();
        }
        let found = resolve_host(&target.host, target.port).unwrap_or_default();
        found.iter().map(SocketAddr::ip).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_reach() {
        let check = |addresses: &[&str], expected: AddressReach| {
            let addresses: Vec<IpAddr> = addresses.iter().map(|it| it.parse().unwrap()).collect();
            assert_eq!(AddressReach::of_nearest(&addresses), expected, "{addresses:?}");
        };
        check(&["127.0.0.1"], AddressReach::Machine);
        check(&["::ffff:127.0.0.1"], AddressReach::Machine);
        check(&["0.0.0.0"], AddressReach::Machine);
        check(&["169.254.169.254"], AddressReach::Link);
        check(&["10.0.0.1"], AddressReach::Network);
        check(&["100.100.100.200"], AddressReach::Network);
        check(&["fd00::1"], AddressReach::Network);
        check(&["9.9.9.9"], AddressReach::World);
        check(&["9.9.9.9", "10.0.0.1"], AddressReach::Network);
        check(&["fe80::1"], AddressReach::Link);
        check(&["10.0.0.1", "fe80::1"], AddressReach::Network);
        check(&[], AddressReach::World);
    }

    #[test]
    fn own_addresses_are_known() {
        let check = |address: &str, expected: bool| {
            assert_eq!(is_own_address(address.parse().unwrap()), expected, "{address}");
        };
        check("127.0.0.1", true);
        check("127.9.9.9", false);
        check("192.0.2.1", false);
        check("169.254.169.254", false);
    }
}
