//! *SOCKS5* (RFC 1928, with users as in RFC 1929): asks a proxy for a connection to a server. The
//! server's name is sent as it is, so that the proxy resolves it; this is what Go's programs do.

use std::io::{self, Read, Write};
use std::net::IpAddr;

use thiserror::Error;

use crate::net::proxy::ProxyUser;

const VERSION: u8 = 5;
const NO_AUTHENTICATION: u8 = 0;
const USER_AND_PASSWORD: u8 = 2;
const NO_METHOD: u8 = 0xff;
/// The version of the negotiation of RFC 1929.
const USER_VERSION: u8 = 1;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// Why a SOCKS proxy did not connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SocksFailure {
    /// The answer is not of this protocol.
    #[error("it does not speak SOCKS5")]
    Protocol,
    /// It accepts neither clients without a user nor the user that it was given.
    #[error("it requires a user and a password")]
    Method,
    /// It refused the user or the password.
    #[error("it refused the user or the password")]
    User,
    /// A user, password or name is too long for the protocol.
    #[error("the {0} is empty or longer than 255 bytes")]
    Length(&'static str),
    /// It answered with this code.
    #[error("{}", reply_text(*.0))]
    Reply(u8),
}

impl SocksFailure {
    /// Returns whether the same request may succeed later.
    pub(crate) fn is_transient(self) -> bool {
        // The others are decisions of the proxy, or faults in its settings or ours.
        matches!(self, Self::Reply(1 | 3..=6))
    }
}

/// Returns the meaning of a code (RFC 1928, section 6).
fn reply_text(code: u8) -> String {
    let text = match code {
        1 => "general failure",
        2 => "its rules do not allow the connection",
        3 => "the network is unreachable",
        4 => "the host is unreachable",
        5 => "the connection was refused",
        6 => "the connection timed out",
        7 => "it does not support connections",
        8 => "it does not support this type of address",
        _ => return format!("it answered with the unknown code {code}"),
    };
    text.into()
}

/// What went wrong with a proxy.
#[derive(Debug)]
pub(super) enum SocksError {
    Io(io::Error),
    Failure(SocksFailure),
}

impl From<io::Error> for SocksError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<SocksFailure> for SocksError {
    fn from(failure: SocksFailure) -> Self {
        Self::Failure(failure)
    }
}

/// Asks the proxy at the other end of `stream` to connect to a server. Afterwards the stream leads
/// to the server. An IPv6 address may have its brackets.
pub(super) fn connect_socks(
    stream: &mut (impl Read + Write),
    user: Option<&ProxyUser>,
    host: &str,
    port: u16,
) -> Result<(), SocksError> {
    let request = connect_request(host, port)?;
    let methods: &[u8] = match user {
        Some(_) => &[VERSION, 2, NO_AUTHENTICATION, USER_AND_PASSWORD],
        None => &[VERSION, 1, NO_AUTHENTICATION],
    };
    stream.write_all(methods)?;
    match (read_array(stream)?, user) {
        ([VERSION, NO_AUTHENTICATION], _) => {}
        ([VERSION, USER_AND_PASSWORD], Some(user)) => authenticate(stream, user)?,
        ([VERSION, NO_METHOD], _) => return Err(SocksFailure::Method.into()),
        _ => return Err(SocksFailure::Protocol.into()),
    }
    stream.write_all(&request)?;
    let [version, code] = read_array(stream)?;
    if version != VERSION {
        return Err(SocksFailure::Protocol.into());
    }
    if code != 0 {
        return Err(SocksFailure::Reply(code).into());
    }
    skip_bound_address(stream)
}

/// Returns the request for a connection (RFC 1928, section 4).
fn connect_request(host: &str, port: u16) -> Result<Vec<u8>, SocksFailure> {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let mut request = vec![VERSION, CONNECT, 0];
    match bare.parse() {
        Ok(IpAddr::V4(address)) => {
            request.push(IPV4);
            request.extend(address.octets());
        }
        Ok(IpAddr::V6(address)) => {
            request.push(IPV6);
            request.extend(address.octets());
        }
        Err(_) => {
            request.push(NAME);
            push_text(&mut request, bare, "name of the host")?;
        }
    }
    request.extend(port.to_be_bytes());
    Ok(request)
}

fn authenticate(stream: &mut (impl Read + Write), user: &ProxyUser) -> Result<(), SocksError> {
    let mut request = vec![USER_VERSION];
    push_text(&mut request, &user.name, "user of the proxy")?;
    push_text(&mut request, user.password.expose(), "password of the proxy")?;
    stream.write_all(&request)?;
    // Some servers answer with the version of SOCKS instead of that of the negotiation.
    match read_array(stream)? {
        [USER_VERSION | VERSION, 0] => Ok(()),
        [USER_VERSION | VERSION, _] => Err(SocksFailure::User.into()),
        _ => Err(SocksFailure::Protocol.into()),
    }
}

/// Appends a text with its length in one byte.
fn push_text(request: &mut Vec<u8>, text: &str, what: &'static str) -> Result<(), SocksFailure> {
    let len = u8::try_from(text.len()).ok().filter(|len| *len > 0);
    request.push(len.ok_or(SocksFailure::Length(what))?);
    request.extend_from_slice(text.as_bytes());
    Ok(())
}

/// Reads the rest of a reply, the proxy's own address, which nothing needs.
fn skip_bound_address(stream: &mut impl Read) -> Result<(), SocksError> {
    let [_, kind] = read_array(stream)?;
    let len = match kind {
        IPV4 => 4,
        IPV6 => 16,
        NAME => {
            let [len] = read_array(stream)?;
            usize::from(len)
        }
        _ => return Err(SocksFailure::Protocol.into()),
    };
    let mut address = [0; 255 + 2];
    stream.read_exact(&mut address[..len + 2])?;
    Ok(())
}

fn read_array<const N: usize>(stream: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::secret::Secret;

    /// A proxy with prepared answers.
    struct Answers<'a>(&'a [u8], Vec<u8>);

    impl Read for Answers<'_> {
        fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
            self.0.read(space)
        }
    }

    impl Write for Answers<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.1.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn ask(user: Option<(&str, &str)>, host: &str, answers: &[u8]) -> (String, Vec<u8>) {
        let user = user.map(|(name, password)| ProxyUser {
            name: name.into(),
            password: Secret::new(password),
        });
        let mut proxy = Answers(answers, Vec::new());
        let outcome = match connect_socks(&mut proxy, user.as_ref(), host, 0x1234) {
            Ok(()) => format!("connected, {} left", proxy.0.len()),
            Err(SocksError::Failure(failure)) => failure.to_string(),
            Err(SocksError::Io(error)) => format!("{:?}", error.kind()),
        };
        (outcome, proxy.1)
    }

    #[test]
    fn requests_are_those_of_the_rfc() {
        let ok = [5, 0, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0, b'x'];
        let check = |host: &str, expected: &[u8]| {
            let (outcome, sent) = ask(None, host, &ok);
            assert_eq!(outcome, "connected, 1 left", "{host}");
            assert_eq!(sent, [&[5, 1, 0, 5, 1, 0][..], expected, &[0x12, 0x34]].concat(), "{host}");
        };
        check("q.io", &[3, 4, b'q', b'.', b'i', b'o']);
        check("10.0.0.1", &[1, 10, 0, 0, 1]);
        check("[::1]", &[4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        let (outcome, sent) = ask(Some(("u", "pw")), "h", &[5, 2, 1, 0, 5, 0, 0, 3, 1, b'h', 0, 0]);
        assert_eq!(outcome, "connected, 0 left");
        assert_eq!(sent, [5, 2, 0, 2, 1, 1, b'u', 2, b'p', b'w', 5, 1, 0, 3, 1, b'h', 0x12, 0x34]);
    }

    #[test]
    fn what_proxies_answer() {
        let user = Some(("u", "pw"));
        let check = |user, host: &str, answers: &[u8], expected: &str| {
            assert_eq!(ask(user, host, answers).0, expected, "{answers:?}");
        };
        check(
            user,
            "h",
            &[5, 0, 5, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            "connected, 2 left",
        );
        check(None, "h", &[5, 0xff], "it requires a user and a password");
        check(None, "h", &[5, 2], "it does not speak SOCKS5");
        check(user, "h", &[5, 2, 1, 1], "it refused the user or the password");
        check(None, "h", b"HTTP/1.1 400", "it does not speak SOCKS5");
        check(None, "h", &[5, 0, 4, 0], "it does not speak SOCKS5");
        check(None, "h", &[5, 0, 5, 2, 0, 1], "its rules do not allow the connection");
        check(None, "h", &[5, 0, 5, 5, 0, 1], "the connection was refused");
        check(None, "h", &[5, 0, 5, 77, 0, 1], "it answered with the unknown code 77");
        check(None, "h", &[5, 0, 5, 0, 0, 9], "it does not speak SOCKS5");
        check(None, "h", &[5, 0, 5, 0, 0, 1, 0], "UnexpectedEof");
        check(None, "h", &[], "UnexpectedEof");
        let long = "x".repeat(256);
        check(None, &long, &[], "the name of the host is empty or longer than 255 bytes");
        check(
            Some(("", "p")),
            "h",
            &[5, 2],
            "the user of the proxy is empty or longer than 255 bytes",
        );
        check(
            Some(("u", "")),
            "h",
            &[5, 2],
            "the password of the proxy is empty or longer than 255 bytes",
        );
        for (code, transient) in [(1, true), (2, false), (4, true), (5, true), (7, false)] {
            assert_eq!(SocksFailure::Reply(code).is_transient(), transient);
        }
    }
}
