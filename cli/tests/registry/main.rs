//! Registries: pushing and pulling, credentials, certificates, faults.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, opens files and asks the clock"
)]

mod attachments;
mod attestations;
mod bundles;
mod chunks;
mod credential_options;
mod cuts;
mod delete;
mod fallbacks;
mod faults;
mod grammar;
mod hostile;
mod hostile_names;
mod image_bundle_files;
mod image_bundles;
mod interop;
mod leaks;
mod login;
mod long;
mod nginx;
mod odd_answers;
mod outputs;
mod personalities;
mod plain;
mod precedence;
mod probes;
mod proxy;
mod prune;
mod prune_faults;
mod referrers;
mod resume;
mod reuse;
mod scopes;
mod seeds;
mod server;
mod signatures;
mod signed_writes;
mod slow;
mod tags;
mod tls;
mod tokens;
mod unused;
mod usual_errors;
