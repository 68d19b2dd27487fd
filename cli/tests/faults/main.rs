//! Faults at every point of what the program does: it is killed or interrupted, a system call fails,
//! or several programs do the same at once. A few points of each act are tried by default, more with
//! `DISKETTE_FAULT_POINTS` (a number of points an act); `make soak` tries all.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a test fails by panicking, opens files, asks the clock, and prints figures"
)]

mod act;
mod acts;
mod concurrent;
mod killed;
mod points;
mod refused;
mod signalled;
