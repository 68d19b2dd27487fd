//! Which servers the program *trusts*: by options, and by the `certs.d` directories of podman and
//! docker.

use std::io;
use std::path::{Path, PathBuf};

use diskette_builder::net::http::{ClientCertificate, ServerVerification, TlsOptions, TlsTrust};
use diskette_builder::registry::settings::{SettingsFiles, certs};

use crate::credentials::System;

/// Host of Docker Hub's registry, and the name of its directory.
const DOCKER_HUB: (&str, &str) = ("registry-1.docker.io", "docker.io");

/// Certificates of options and files.
#[derive(Debug)]
pub(crate) struct TrustedCertificates {
    /// Content of `--ca-file`.
    pub(crate) authority: Option<Vec<u8>>,
    /// Value of `--cert-dir`, which takes the place of `certs.d`.
    pub(crate) directory: Option<PathBuf>,
    pub(crate) verify: ServerVerification,
    pub(crate) home: Option<PathBuf>,
}

impl TlsTrust for TrustedCertificates {
    fn for_host(&self, host: &str) -> Result<TlsOptions, String> {
        let host = if host == DOCKER_HUB.0 { DOCKER_HUB.1 } else { host };
        let found = match &self.directory {
            Some(dir) => certs::read_certificates(dir, &System),
            None => certs::find_certificates(self.home.as_deref(), host, &System),
        };
        let found = found.map_err(|error| error.to_string())?;
        let read = |path: &Path| {
            read_certificate(path)
                .map_err(|error| format!("cannot read `{}`: {error}", path.display()))
        };
        let authorities = found.authorities.iter().map(|path| read(path));
        let authorities = self.authority.iter().cloned().map(Ok).chain(authorities);
        let certificate = found.clients.first().map(|pair| {
            Ok::<_, String>(ClientCertificate {
                chain: read(&pair.certificate)?,
                key: read(&pair.key)?,
            })
        });
        Ok(TlsOptions {
            authorities: authorities.collect::<Result<_, _>>()?,
            certificate: certificate.transpose()?,
            verify: self.verify,
        })
    }
}

/// Reads a certificate or a key.
pub(crate) fn read_certificate(path: &Path) -> io::Result<Vec<u8>> {
    SettingsFiles::read(&System, path)?
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such file"))
}
