//! *Signals* that ask the program to stop: the first is a request to end cleanly, the second ends
//! it at once.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

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

/// Returns a flag that is set when the user asks to stop.
pub(crate) fn interrupts() -> io::Result<Arc<AtomicBool>> {
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        // In this order: the second signal finds the flag set by the first.
        flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&interrupted))?;
        let number = usize::try_from(signal).unwrap_or_default();
        flag::register_usize(signal, Arc::clone(&RECEIVED), number)?;
        flag::register(signal, Arc::clone(&interrupted))?;
    }
    Ok(interrupted)
}
