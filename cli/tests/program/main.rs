//! The command line, its messages and what the documents say of it.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, opens files and asks the clock"
)]

mod action;
mod chart;
mod cli;
mod docs;
mod doctor;
mod errors;
mod errors_page;
mod first_minutes;
mod init;
mod interrupt;
mod limits;
mod make;
mod messages;
mod output;
mod picture;
mod schemas;
mod suite;
mod usage;
