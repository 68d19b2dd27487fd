//! A *socket* with a deadline for each read and write, which stops waiting when the user cancels.

use std::cell::Cell;
use std::io::{self, IoSlice, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt;
use thiserror::Error;

use super::progress::TransferProgress;

/// Returns whether the user has cancelled.
pub(crate) type CancelCheck = Arc<dyn Fn() -> bool + Send + Sync>;

/// The time between checks whether the user has cancelled.
const POLL_INTERVAL: Duration = Duration::from_millis(250);

pub(super) struct Socket {
    tcp: TcpStream,
    deadline: Cell<Duration>,
    read_wait: Cell<ReadWait>,
    received: Cell<TransferProgress>,
    sent: Cell<TransferProgress>,
    cancelled: CancelCheck,
}

/// Whether a read waits for the server, up to the deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReadWait {
    Deadline,
    Never,
}

impl Socket {
    pub(super) fn new(
        tcp: TcpStream,
        deadline: Duration,
        cancelled: CancelCheck,
    ) -> io::Result<Self> {
        tcp.set_nodelay(true)?;
        tcp.set_read_timeout(Some(POLL_INTERVAL))?;
        tcp.set_write_timeout(Some(POLL_INTERVAL))?;
        // A commit of many gigabytes is silent for minutes, and routers drop silent connections.
        sockopt::set_socket_keepalive(&tcp, true)?;
        sockopt::set_tcp_keepidle(&tcp, Duration::from_secs(30))?;
        Ok(Self {
            tcp,
            deadline: Cell::new(deadline),
            read_wait: Cell::new(ReadWait::Deadline),
            received: Cell::default(),
            sent: Cell::default(),
            cancelled,
        })
    }

    /// Sets how long a read or write may take without moving a byte, and for how long the transfer that
    /// begins now may be slow.
    pub(super) fn set_deadline(&self, deadline: Duration) {
        self.deadline.set(deadline);
        self.received.take();
        self.sent.take();
    }

    pub(super) fn set_read_wait(&self, waiting: ReadWait) {
        self.read_wait.set(waiting);
    }

    /// Waits for bytes to read or the end of the connection; returns whether there are any.
    pub(super) fn is_readable(&self, wait: Duration) -> io::Result<bool> {
        let mut fds = [PollFd::new(&self.tcp, PollFlags::IN)];
        let wait = Timespec::try_from(wait).ok();
        loop {
            match poll(&mut fds, wait.as_ref()) {
                Err(rustix::io::Errno::INTR) => {}
                result => return Ok(result? > 0),
            }
        }
    }

    /// Repeats an attempt until it transfers bytes, the deadline has passed or the user cancels.
    fn retry_until_deadline(
        &self,
        transferred: &Cell<TransferProgress>,
        mut attempt: impl FnMut(&TcpStream) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let since = Instant::now();
        loop {
            match attempt(&self.tcp) {
                Err(error) if is_temporary(&error) => {}
                Ok(count) if count > 0 => {
                    let mut progress = transferred.get();
                    let added = progress.add(count, since.elapsed(), self.deadline.get());
                    transferred.set(progress);
                    return Ok(added.map(|()| count)?);
                }
                result => return result,
            }
            if (self.cancelled)() {
                return Err(cancelled_error());
            }
            if since.elapsed() >= self.deadline.get() {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
    }
}

/// The user cancelled the operation.
#[derive(Debug, Error)]
#[error("cancelled")]
struct Cancelled;

/// Returns the error of an operation that the user cancelled.
pub(super) fn cancelled_error() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, Cancelled)
}

/// Returns whether an operation failed because the user cancelled it.
pub(super) fn is_cancelled(error: &io::Error) -> bool {
    error.get_ref().and_then(|error| error.downcast_ref::<Cancelled>()).is_some()
}

fn is_temporary(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), WouldBlock | TimedOut | Interrupted)
}

impl Read for Socket {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        if self.read_wait.get() == ReadWait::Never && !self.is_readable(Duration::ZERO)? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        // A server that never stops sending is left, too.
        if (self.cancelled)() {
            return Err(cancelled_error());
        }
        self.retry_until_deadline(&self.received, |mut tcp| tcp.read(space))
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.retry_until_deadline(&self.sent, |mut tcp| tcp.write(bytes))
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.retry_until_deadline(&self.sent, |mut tcp| tcp.write_vectored(slices))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl std::fmt::Debug for Socket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Socket").field("tcp", &self.tcp).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    fn silent(cancelled: CancelCheck) -> (Socket, TcpListener) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let tcp = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (Socket::new(tcp, Duration::from_millis(300), cancelled).unwrap(), listener)
    }

    #[test]
    fn a_silent_server_is_given_up() {
        let (mut socket, _listener) = silent(Arc::new(|| false));
        assert_eq!(socket.read(&mut [0]).unwrap_err().kind(), io::ErrorKind::TimedOut);
        socket.set_read_wait(ReadWait::Never);
        assert_eq!(socket.read(&mut [0]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        // The buffers between the two fill up, as the server does not read.
        let full = std::iter::repeat_with(|| socket.write(&[0; 4096])).find_map(Result::err);
        assert_eq!(full.map(|error| error.kind()), Some(io::ErrorKind::TimedOut));
    }

    #[test]
    fn waiting_ends_when_the_user_wants_to_stop() {
        let stop = Arc::new(AtomicBool::new(true));
        let asked = Arc::clone(&stop);
        let (mut socket, _listener) = silent(Arc::new(move || asked.load(Ordering::Relaxed)));
        assert_eq!(socket.read(&mut [0]).unwrap_err().kind(), io::ErrorKind::ConnectionAborted);
    }
}
