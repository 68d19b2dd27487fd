//! *Addresses* of a host: a connection to the first that answers. A host often has an address that
//! is not reachable from here, such as one of IPv6, so the next is tried before the first has timed
//! out (RFC 8305).

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use super::socket::cancelled_error;

/// How long an address is waited for before the next is tried as well (RFC 8305, 8).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Connects to the address that answers first, the earlier ones first; fails with the error of the
/// first one if there is none.
pub(super) fn connect_any(
    addresses: &[SocketAddr],
    timeout: Duration,
    is_cancelled: &dyn Fn() -> bool,
) -> io::Result<(SocketAddr, TcpStream)> {
    let (sender, receiver) = mpsc::channel();
    let mut waiting = addresses.iter();
    let mut pending = 0_usize;
    let mut first_error = None;
    let mut next_at = Instant::now();
    loop {
        if (pending == 0 || Instant::now() >= next_at)
            && let Some(address) = waiting.next().copied()
        {
            let sender = sender.clone();
            // The result of an attempt that ends too late is dropped.
            thread::spawn(move || {
                drop(sender.send((address, TcpStream::connect_timeout(&address, timeout))));
            });
            pending += 1;
            next_at = Instant::now() + ATTEMPT_DELAY;
        }
        if pending == 0 {
            return Err(first_error.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into()));
        }
        match receiver.recv_timeout(ATTEMPT_DELAY) {
            Ok((address, Ok(stream))) => return Ok((address, stream)),
            Ok((_, Err(error))) => {
                pending -= 1;
                first_error.get_or_insert(error);
                next_at = Instant::now();
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) if is_cancelled() => {
                return Err(cancelled_error());
            }
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn the_first_address_that_answers_is_taken() {
        // Its listener is dropped at once.
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let open = listener.local_addr().unwrap();
        // Not routed (RFC 5737): a connection to it fails at once, or never.
        let silent: SocketAddr = "192.0.2.1:9".parse().unwrap();
        let check = |addresses: &[SocketAddr], expected: Option<SocketAddr>| {
            let since = Instant::now();
            let found = connect_any(addresses, Duration::from_secs(20), &|| false);
            assert_eq!(found.ok().map(|(address, _)| address), expected, "{addresses:?}");
            assert!(since.elapsed() < Duration::from_secs(2), "{addresses:?}");
        };
        check(&[open], Some(open));
        check(&[closed], None);
        check(&[], None);
        check(&[closed, open], Some(open));
        check(&[silent, open], Some(open));
        check(&[silent, closed, open], Some(open));
        check(&[closed, closed], None);
    }
}
