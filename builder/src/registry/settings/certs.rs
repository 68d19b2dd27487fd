//! `certs.d` has a directory for each registry with certificates of its own: those of authorities to
//! trust besides the system's, and client certificates (`man 5 containers-certs.d`).

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::SettingsFiles;

/// The certificate files of a registry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RegistryCertificates {
    /// Certificates of authorities in PEM.
    pub authorities: Vec<PathBuf>,
    /// Client certificates.
    pub clients: Vec<ClientCertificateFiles>,
}

/// A client certificate and its key in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificateFiles {
    /// The certificate.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Why the certificates of a registry cannot be used.
#[derive(Debug, Error)]
pub enum CertificatesError {
    /// A client's certificate has no key beside it.
    #[error(
        "`{}` needs its key beside it, in `{}`; the certificate of an authority ends in `.crt`",
        certificate.display(), key.display()
    )]
    NoKey {
        /// The certificate.
        certificate: PathBuf,
        /// Where the key should be.
        key: PathBuf,
    },
    /// A key has no client's certificate beside it.
    #[error("`{}` needs its certificate beside it, in `{}`", key.display(), certificate.display())]
    NoCertificate {
        /// The key.
        key: PathBuf,
        /// Where the certificate should be.
        certificate: PathBuf,
    },
    /// A directory cannot be read.
    #[error("cannot read `{}`: {error}", dir.display())]
    Io {
        /// The directory.
        dir: PathBuf,
        /// The error of the system.
        error: io::Error,
    },
}

/// Returns the possible directories of a registry, of which only the first that exists is used. The
/// registry is written as in the image's name, with its port.
pub(crate) fn certificate_directories(home: Option<&Path>, registry: &str) -> Vec<PathBuf> {
    parent_directories(home).into_iter().map(|dir| dir.join(registry)).collect()
}

/// Returns the directories that have one for each registry.
pub fn parent_directories(home: Option<&Path>) -> Vec<PathBuf> {
    let user = home.map(|home| home.join(".config/containers/certs.d"));
    let system = ["/etc/containers/certs.d", "/etc/docker/certs.d"].map(PathBuf::from);
    user.into_iter().chain(system).collect()
}

/// Finds the certificates for a registry. A directory that the user may not read is skipped.
pub fn find_certificates(
    home: Option<&Path>,
    registry: &str,
    files: &impl SettingsFiles,
) -> Result<RegistryCertificates, CertificatesError> {
    for dir in certificate_directories(home, registry) {
        match files.list(&dir) {
            Ok(Some(names)) => return RegistryCertificates::from_file_names(&dir, names),
            Ok(None) => {}
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
            Err(error) => return Err(CertificatesError::Io { dir, error }),
        }
    }
    Ok(RegistryCertificates::default())
}

/// Finds the certificates in a directory that must exist.
pub fn read_certificates(
    dir: &Path,
    files: &impl SettingsFiles,
) -> Result<RegistryCertificates, CertificatesError> {
    let listed = files.list(dir).and_then(|names| names.ok_or(io::ErrorKind::NotFound.into()));
    let names = listed.map_err(|error| CertificatesError::Io { dir: dir.into(), error })?;
    RegistryCertificates::from_file_names(dir, names)
}

impl RegistryCertificates {
    /// Classifies the files of a directory by their extensions; others are ignored.
    pub(crate) fn from_file_names(
        dir: &Path,
        names: Vec<String>,
    ) -> Result<Self, CertificatesError> {
        let names = BTreeSet::from_iter(names);
        let mut certificates = Self::default();
        for name in &names {
            match name.rsplit_once('.') {
                Some((_, "crt")) => certificates.authorities.push(dir.join(name)),
                Some((stem, "cert")) => {
                    let (certificate, key) = (dir.join(name), format!("{stem}.key"));
                    if !names.contains(&key) {
                        return Err(CertificatesError::NoKey { certificate, key: dir.join(key) });
                    }
                    certificates
                        .clients
                        .push(ClientCertificateFiles { certificate, key: dir.join(key) });
                }
                Some((stem, "key")) if !names.contains(&format!("{stem}.cert")) => {
                    let certificate = dir.join(format!("{stem}.cert"));
                    return Err(CertificatesError::NoCertificate {
                        key: dir.join(name),
                        certificate,
                    });
                }
                _ => {}
            }
        }
        Ok(certificates)
    }
}

#[cfg(test)]
mod tests {
    use super::super::world::TestFiles;
    use super::*;

    #[test]
    fn files_of_a_directory_are_certificates_by_their_names() {
        type Expected<'e> = (&'e [&'e str], &'e [(&'e str, &'e str)]);
        let check = |names: &[&str], expected: Result<Expected<'_>, &str>| {
            let names = names.iter().map(ToString::to_string).collect();
            let found = RegistryCertificates::from_file_names(Path::new("d"), names);
            let pair = |(certificate, key): &(&str, &str)| ClientCertificateFiles {
                certificate: certificate.into(),
                key: key.into(),
            };
            let expected = expected.map(|(authorities, clients)| RegistryCertificates {
                authorities: authorities.iter().map(PathBuf::from).collect(),
                clients: clients.iter().map(pair).collect(),
            });
            assert_eq!(found.map_err(|error| error.to_string()), expected.map_err(Into::into));
        };
        check(&[], Ok((&[], &[])));
        check(&["README", "ca.pem", "crt"], Ok((&[], &[])));
        check(&["b.crt", "a.crt"], Ok((&["d/a.crt", "d/b.crt"], &[])));
        check(&["me.key", "me.cert"], Ok((&[], &[("d/me.cert", "d/me.key")])));
        check(
            &["b.cert", "a.key", "ca.crt", "b.key", "a.cert"],
            Ok((&["d/ca.crt"], &[("d/a.cert", "d/a.key"), ("d/b.cert", "d/b.key")])),
        );
        check(
            &["me.cert"],
            Err(
                "`d/me.cert` needs its key beside it, in `d/me.key`; the certificate of an authority ends in `.crt`",
            ),
        );
        check(
            &["me.cert", "you.key"],
            Err(
                "`d/me.cert` needs its key beside it, in `d/me.key`; the certificate of an authority ends in `.crt`",
            ),
        );
        check(
            &["me.key", "ca.crt"],
            Err("`d/me.key` needs its certificate beside it, in `d/me.cert`"),
        );
    }

    #[test]
    fn the_first_directory_of_a_registry_counts() {
        let check = |files: &[(&str, &'static str)], expected: &[&str]| {
            let found =
                find_certificates(Some(Path::new("/h")), "q.io:5000", &TestFiles::new(files))
                    .unwrap();
            let expected: Vec<_> = expected.iter().map(PathBuf::from).collect();
            assert_eq!(found.authorities, expected, "{files:?}");
        };
        let user = "/h/.config/containers/certs.d/q.io:5000";
        let user_ca = "/h/.config/containers/certs.d/q.io:5000/ca.crt";
        let system_ca = "/etc/containers/certs.d/q.io:5000/ca.crt";
        let docker_ca = "/etc/docker/certs.d/q.io:5000/ca.crt";
        check(&[], &[]);
        check(&[(docker_ca, "")], &[docker_ca]);
        check(&[(docker_ca, ""), (system_ca, "")], &[system_ca]);
        check(&[(docker_ca, ""), (system_ca, ""), (user_ca, "")], &[user_ca]);
        check(&[(user, "denied"), (system_ca, "")], &[system_ca]);
        check(&[("/etc/containers/certs.d/q.io/ca.crt", "")], &[]);
        check(&[("/etc/containers/certs.d/q.io:5000/README", ""), (docker_ca, "")], &[]);

        let dirs = certificate_directories(None, "docker.io");
        let expected = ["/etc/containers/certs.d/docker.io", "/etc/docker/certs.d/docker.io"];
        assert_eq!(dirs, expected.map(PathBuf::from));
        let error =
            CertificatesError::Io { dir: "d".into(), error: io::ErrorKind::Interrupted.into() };
        assert_eq!(error.to_string(), "cannot read `d`: operation interrupted");
    }
}
