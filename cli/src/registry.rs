//! How the program speaks to *registries*: the options that all commands share that do, and the
//! client that they come to.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{ArgAction, Args};
use diskette_builder::diagnostic::Diagnostic;
use diskette_builder::http::{Client, HttpOptions, Trace, Verify};
use diskette_builder::proxy::Proxies;
use diskette_builder::registries::{Config, Files as _, Surroundings};
use diskette_builder::registry::{Keychain, Observer, PlainHttp, Registry, RegistryOptions};

use crate::environment::Environment;
use crate::error::{CommandError, cannot};
use crate::trust::{Certificates, SystemFiles};
use crate::ui::message;

/// How to speak to registries.
#[derive(Debug, Args)]
#[command(next_help_heading = "Registry options")]
pub(crate) struct RegistryArguments {
    /// Look up credentials in this file alone [default: where podman and docker keep them]
    #[arg(long, value_name = "FILE")]
    authfile: Option<PathBuf>,

    /// Use the USER:PASSWORD in this file; - reads it from standard input
    #[arg(long, value_name = "FILE")]
    creds: Option<PathBuf>,

    /// Trust the authorities, or the server's own certificate, in this PEM file too
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,

    /// Whether servers must prove who they are; false still encrypts
    #[arg(long, value_name = "BOOL", default_value_t = true, action = ArgAction::Set)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    tls_verify: bool,

    /// Speak http without TLS; registries on this machine are spoken to so anyway
    #[arg(long)]
    plain_http: bool,

    /// How often what failed is tried again
    #[arg(long, value_name = "N", default_value_t = 5)]
    retry: u32,

    /// Give up a server that has not moved a byte for this long, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,

    /// Send blobs in parts of this many bytes, e.g. 32M; default: each in one request
    #[arg(long, value_name = "BYTES", value_parser = parse_size)]
    chunk_size: Option<u64>,

    /// Show each request and answer, without secrets
    #[arg(long)]
    debug: bool,
}

/// What `--chunk-size` can be: less makes a request of nothing, more is kept in memory for long.
const CHUNK_SIZES: std::ops::RangeInclusive<u64> = 64 * 1024..=32 << 20;

impl RegistryArguments {
    /// Returns the client for all registries.
    pub(crate) fn registry(
        &self,
        environment: &Environment,
        observer: Arc<dyn Observer>,
    ) -> Result<Registry, CommandError> {
        let client = self.client(environment, &observer)?;
        let options = RegistryOptions {
            keychain: Box::new(Nobody),
            registries: registries(environment)?,
            plain_http: if self.plain_http { PlainHttp::Always } else { PlainHttp::Loopback },
            retries: self.retry,
            chunk_size: self.chunk_size,
            observer,
        };
        Ok(Registry::new(client, options))
    }

    /// Returns what any request is sent with.
    pub(crate) fn client(
        &self,
        environment: &Environment,
        observer: &Arc<dyn Observer>,
    ) -> Result<Client, CommandError> {
        let observer = Arc::clone(observer);
        let trace = self.debug.then(|| -> Trace { Box::new(|line| message(line)) });
        Ok(Client::new(HttpOptions {
            proxies: proxies(environment)?,
            roots: environment.roots(),
            trust: Box::new(self.trust(environment)?),
            stall: Duration::from_secs(self.timeout),
            cancelled: Arc::new(move || observer.is_cancelled()),
            trace,
        }))
    }

    fn trust(&self, environment: &Environment) -> Result<Certificates, CommandError> {
        let read = |path: &PathBuf| {
            let bytes = SystemFiles.read(path);
            let bytes = bytes.and_then(|bytes| bytes.ok_or(io::ErrorKind::NotFound.into()));
            bytes.map_err(cannot("read", path.display()))
        };
        Ok(Certificates {
            authority: self.ca_file.as_ref().map(read).transpose()?,
            verify: if self.tls_verify { Verify::Full } else { Verify::None },
            home: environment.home.clone(),
        })
    }
}

fn proxies(environment: &Environment) -> Result<Proxies, Diagnostic> {
    Proxies::new(&environment.proxies).map_err(|error| Diagnostic::new(error.to_string()))
}

fn registries(environment: &Environment) -> Result<Config, CommandError> {
    let around = Surroundings {
        registries_conf: environment.registries_conf.clone(),
        home: environment.home.clone(),
    };
    Config::load(&around, &SystemFiles).map_err(CommandError::Failed)
}

/// Parses a number of bytes, with `K`, `M` or `G` for powers of 1024.
fn parse_size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let factor = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" => Some(1),
        "k" | "kib" => Some(1 << 10),
        "m" | "mib" => Some(1 << 20),
        "g" | "gib" => Some(1 << 30),
        _ => None,
    };
    let number = digits.parse().ok().zip(factor);
    let size = number.and_then(|(number, factor): (u64, u64)| number.checked_mul(factor));
    let size = size.ok_or("write it as a number of bytes, or as `32M`")?;
    if CHUNK_SIZES.contains(&size) { Ok(size) } else { Err("it lies between 64K and 32M".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_parse() {
        let check = |text: &str, expected: Result<u64, &str>| {
            assert_eq!(parse_size(text), expected.map_err(str::to_owned), "{text}");
        };
        check("65536", Ok(65536));
        check("64K", Ok(65536));
        check("32MiB", Ok(32 << 20));
        check("1m", Ok(1 << 20));
        check("1", Err("it lies between 64K and 32M"));
        check("1G", Err("it lies between 64K and 32M"));
        check("99999999999999999999G", Err("write it as a number of bytes, or as `32M`"));
        check("M", Err("write it as a number of bytes, or as `32M`"));
        check("1 M", Err("write it as a number of bytes, or as `32M`"));
        check("", Err("write it as a number of bytes, or as `32M`"));
    }
}

struct Nobody;
impl Keychain for Nobody { fn find(&self, _p: &str) -> Result<Option<diskette_builder::credentials::Credential>, String> { Ok(None) } }
