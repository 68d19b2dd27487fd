//! Registries: pushing and pulling, credentials, certificates, faults.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, opens files and asks the clock"
)]

mod cuts;
mod faults;
mod hostile;
mod interop;
mod leaks;
mod login;
mod nginx;
mod personalities;
mod plain;
mod precedence;
mod proxy;
mod server;
mod tags;
mod tls;
mod tokens;
mod unused;
