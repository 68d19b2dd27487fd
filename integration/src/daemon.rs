//! A *daemon* is another project's server, run on this machine for one test on a free port.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Time limit until a server listens.
const START: Duration = Duration::from_secs(20);

/// Number of attempts, since another process may take the port in between.
const PORTS: usize = 5;

/// A running server.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    port: u16,
}

impl Daemon {
    /// Starts a server with the command for a port, and waits until it listens.
    pub fn start(command: impl Fn(u16) -> Command) -> Self {
        let started = (0..PORTS).find_map(|_| Self::start_on(free_port(), &command));
        started.expect("the server ends, whatever its port")
    }

    /// Starts a server on a port; `None` if it exits at once.
    pub fn start_on(port: u16, command: impl Fn(u16) -> Command) -> Option<Self> {
        let mut command = command(port);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut daemon = Self { child: child.spawn().unwrap(), port };
        let deadline = Instant::now() + START;
        loop {
            if daemon.child.try_wait().unwrap().is_some() {
                return None;
            }
            if TcpStream::connect(daemon.address()).is_ok() {
                return Some(daemon);
            }
            assert!(Instant::now() < deadline, "the server does not listen: {command:?}");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Returns host and port.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// Ends the server at once, with SIGKILL.
    pub fn kill(&mut self) {
        // It may have exited already.
        self.child.kill().unwrap_or_default();
        self.child.wait().unwrap();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Returns a free port.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
