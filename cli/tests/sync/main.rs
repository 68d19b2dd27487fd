//! Releases of distributions: following, downloading and publishing them.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, opens files and asks the clock"
)]

mod downloads;
mod engines;
mod example_machines;
mod faults;
mod keep;
mod links;
mod lists;
mod markup;
mod merged;
mod metrics;
mod more_distributions;
mod packages;
mod policy;
mod published;
mod releases;
mod releases_signed;
mod runs;
mod scale;
mod secrets;
mod status;
mod versions;
