//! Which servers the program *trusts*: by options, and by the `certs.d` directories of podman and
//! docker.

use std::io;
use std::path::{Path, PathBuf};

use diskette_builder::net::http::{
    ClientCertificate, ServerRole, ServerVerification, TlsOptions, TlsTrust,
};
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
    fn for_host(&self, host: &str, role: ServerRole) -> Result<TlsOptions, String> {
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
        // `--cert-dir` names no host: its client certificate is for the registries of the command.
        let is_meant = self.directory.is_none() || role == ServerRole::Registry;
        let client = found.clients.first().filter(|_| is_meant);
        let certificate = client.map(|pair| {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::open_dir;

    /// `--cert-dir` names no host, so its client certificate is not shown to every server that a
    /// download, a list or a redirect leads to.
    #[test]
    fn client_certificates_of_an_option_are_for_registries() {
        let dir = tempfile::tempdir().unwrap();
        let files = open_dir(dir.path()).unwrap();
        for name in ["ca.crt", "me.cert", "me.key"] {
            files.write(name, name).unwrap();
        }
        let trusted = TrustedCertificates {
            authority: None,
            directory: Some(dir.path().to_owned()),
            verify: ServerVerification::Full,
            home: None,
        };
        let check = |role: ServerRole, expected: bool| {
            let options = trusted.for_host("q.example", role).unwrap();
            assert_eq!(options.certificate.is_some(), expected, "{role:?}");
            assert_eq!(options.authorities, [b"ca.crt"]);
        };
        check(ServerRole::Registry, true);
        check(ServerRole::Other, false);
    }
}
