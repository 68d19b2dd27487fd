//! Whom the program *trusts*: the options on the command line, and the `certs.d` directories of
//! podman and docker.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, File};
use diskette_builder::http::{ClientCertificate, TlsOptions, Trust, Verify};
use diskette_builder::registries::{CONFIG_FILE_MAX, Files, certs};

/// Where Docker Hub's registry is, and what its directory is called.
const DOCKER_HUB: (&str, &str) = ("registry-1.docker.io", "docker.io");

/// Certificates from files.
#[derive(Debug)]
pub(crate) struct Certificates {
    /// `--ca-file`, read already.
    pub(crate) authority: Option<Vec<u8>>,
    pub(crate) verify: Verify,
    pub(crate) home: Option<PathBuf>,
}

impl Trust for Certificates {
    fn for_host(&self, host: &str) -> Result<TlsOptions, String> {
        let host = if host == DOCKER_HUB.0 { DOCKER_HUB.1 } else { host };
        let found = certs::find(self.home.as_deref(), host, &SystemFiles)
            .map_err(|error| error.to_string())?;
        let read = |path: &Path| {
            let bytes = SystemFiles.read(path);
            let bytes = bytes.and_then(|bytes| bytes.ok_or(io::ErrorKind::NotFound.into()));
            bytes.map_err(|error| format!("cannot read `{}`: {error}", path.display()))
        };
        let authorities = found.authorities.iter().map(|path| read(path));
        let authorities = self.authority.iter().cloned().map(Ok).chain(authorities);
        let certificate = found.clients.first().map(|pair| {
            Ok::<_, String>(ClientCertificate { chain: read(&pair.certificate)?, key: read(&pair.key)? })
        });
        Ok(TlsOptions {
            authorities: authorities.collect::<Result<_, _>>()?,
            certificate: certificate.transpose()?,
            verify: self.verify,
        })
    }
}

/// Configuration files, wherever they are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SystemFiles;

impl Files for SystemFiles {
    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        let file = match File::open_ambient(path, ambient_authority()) {
            Err(error) if is_absent(&error) => return Ok(None),
            file => file?,
        };
        let mut bytes = Vec::new();
        file.take(CONFIG_FILE_MAX as u64 + 1).read_to_end(&mut bytes)?;
        if bytes.len() > CONFIG_FILE_MAX {
            return Err(io::Error::other("too long"));
        }
        Ok(Some(bytes))
    }

    fn list(&self, dir: &Path) -> io::Result<Option<Vec<String>>> {
        let dir = match Dir::open_ambient_dir(dir, ambient_authority()) {
            Err(error) if is_absent(&error) => return Ok(None),
            dir => dir?,
        };
        let names = dir.entries()?.map(|entry| Ok(entry?.file_name()));
        let names = names.collect::<io::Result<Vec<_>>>()?;
        // No file with another name means anything there.
        Ok(Some(names.into_iter().filter_map(|name| name.into_string().ok()).collect()))
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
