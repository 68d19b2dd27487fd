//! *Signals* that ask the program to stop: the first is a request to end cleanly, within a second. The
//! second ends it at once.

use std::io::{self, Read as _};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::low_level::pipe;

use super::message::print_message;
use super::progress::INTERRUPTED_MIDWAY;

/// The longest time between the first signal and the end of the program.
const GRACE: Duration = Duration::from_millis(900);

/// The last signal, or 0.
static RECEIVED: LazyLock<Arc<AtomicUsize>> = LazyLock::new(Arc::default);

/// Returns the exit status after a signal, as shells have it: 128 and its number.
pub(crate) fn exit_status() -> u8 {
    let signal = match RECEIVED.load(Ordering::Relaxed) {
        0 => SIGINT.unsigned_abs(),
        signal => u32::try_from(signal).unwrap_or_default(),
    };
    u8::try_from(128 + signal).unwrap_or(u8::MAX)
}

/// Returns the flag of this process that is set when the user asks to stop. Signals are handled from
/// the first call on.
pub(crate) fn interrupts() -> io::Result<Arc<AtomicBool>> {
    static FLAG: Mutex<Option<Arc<AtomicBool>>> = Mutex::new(None);
    let mut flag = FLAG.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(interrupted) = &*flag {
        return Ok(Arc::clone(interrupted));
    }
    let interrupted = handle_signals()?;
    *flag = Some(Arc::clone(&interrupted));
    Ok(interrupted)
}

fn handle_signals() -> io::Result<Arc<AtomicBool>> {
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        // In this order: the second signal finds the flag set by the first.
        flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&interrupted))?;
        let number = usize::try_from(signal).unwrap_or_default();
        flag::register_usize(signal, Arc::clone(&RECEIVED), number)?;
        flag::register(signal, Arc::clone(&interrupted))?;
    }
    end_after_grace()?;
    Ok(interrupted)
}

/// What is done before the program is ended while its threads go on.
static CLEANUPS: Mutex<Vec<Box<dyn Fn() + Send>>> = Mutex::new(Vec::new());

/// Adds something that is done before the program is ended while its threads go on, in the order that
/// is reverse to that of the calls.
pub(crate) fn on_forced_exit(cleanup: impl Fn() + Send + 'static) {
    CLEANUPS.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(cleanup));
}

/// Starts a thread that ends the program if it has not ended soon after a signal, e.g. since it waits
/// for a program that reads its output. All that is written is whole at every point, so that nothing
/// is lost.
#[expect(clippy::exit, reason = "the other threads may be blocked")]
fn end_after_grace() -> io::Result<()> {
    let (mut signals, sender) = UnixStream::pair()?;
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        pipe::register(signal, sender.try_clone()?)?;
    }
    let wait = move || {
        if signals.read(&mut [0]).is_ok() {
            thread::sleep(GRACE);
            let cleanups = CLEANUPS.lock().unwrap_or_else(PoisonError::into_inner);
            cleanups.iter().rev().for_each(|cleanup| cleanup());
            print_message(INTERRUPTED_MIDWAY);
            std::process::exit(exit_status().into());
        }
    };
    thread::Builder::new().name("signals".into()).spawn(wait).map(drop)
}
