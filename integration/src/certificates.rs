//! *Certificates* for servers and clients, made with the `openssl` program.

use std::path::{Path, PathBuf};

use crate::peer::{self, Peer, text};
use crate::scene::Scene;

/// An authority that signs certificates.
#[derive(Debug)]
pub struct Authority {
    openssl: Peer,
    directory: PathBuf,
    /// Its certificate and key.
    pub own: KeyPair,
}

/// A certificate and its private key, in PEM.
#[derive(Debug, Clone)]
pub struct KeyPair {
    /// The certificate.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// Validity of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    /// Valid from now on, for two days.
    Good,
    /// Expired yesterday.
    Over,
}

/// Elliptic-curve keys are generated at once, RSA keys are not.
const NEW_KEY: [&str; 5] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

/// Key type of RS256.
const RSA: [&str; 3] = ["-newkey", "rsa:2048", "-nodes"];

impl Authority {
    /// Makes an authority whose files are in a directory of the scene.
    pub fn new(scene: &Scene, name: &str) -> Option<Self> {
        let openssl = peer::find("openssl")?;
        let directory = scene.path(name);
        std::fs::create_dir_all(&directory).unwrap();
        let own = self_signed(&openssl, &directory, "authority", "DNS:authority", &NEW_KEY);
        Some(Self { openssl, directory, own })
    }

    /// Makes a certificate for some names, as `IP:127.0.0.1` or `DNS:registry.test`.
    pub fn issue(&self, name: &str, names: &str, validity: Validity) -> KeyPair {
        let pair = KeyPair::in_directory(&self.directory, name);
        let request = self.directory.join(format!("{name}.csr"));
        let extensions = self.directory.join(format!("{name}.ext"));
        std::fs::write(&extensions, format!("subjectAltName={names}\n")).unwrap();
        let subject = format!("/CN={name}");
        let out = ["-keyout", text(&pair.key), "-out", text(&request)];
        self.openssl.run(["req", "-new", "-subj", &subject].iter().chain(&NEW_KEY).chain(&out));
        let days = if validity == Validity::Good { "2" } else { "-1" };
        let authority = ["-CA", text(&self.own.certificate), "-CAkey", text(&self.own.key)];
        let rest = ["-set_serial", "2", "-days", days, "-extfile", text(&extensions)];
        let files = ["-in", text(&request), "-out", text(&pair.certificate)];
        let args = ["x509", "-req"].iter().chain(&authority).chain(&rest).chain(&files);
        self.openssl.run(args);
        pair
    }

    /// Makes a certificate that is its own authority, as `openssl req -x509` does.
    pub fn self_signed(&self, name: &str, names: &str) -> KeyPair {
        self_signed(&self.openssl, &self.directory, name, names, &NEW_KEY)
    }

    /// Makes a certificate with an RSA key.
    pub fn issue_rsa(&self, name: &str) -> KeyPair {
        self_signed(&self.openssl, &self.directory, name, "DNS:signer", &RSA)
    }
}

fn self_signed(
    openssl: &Peer,
    directory: &Path,
    name: &str,
    names: &str,
    new_key: &[&str],
) -> KeyPair {
    let pair = KeyPair::in_directory(directory, name);
    let (subject, names) = (format!("/CN={name}"), format!("subjectAltName={names}"));
    let head = ["req", "-x509", "-days", "2", "-subj", &subject, "-addext", &names];
    let out = ["-keyout", text(&pair.key), "-out", text(&pair.certificate)];
    openssl.run(head.iter().chain(new_key).chain(&out));
    pair
}

impl KeyPair {
    fn in_directory(directory: &Path, name: &str) -> Self {
        let file = |end| directory.join(format!("{name}.{end}"));
        Self { certificate: file("pem"), key: file("key") }
    }
}
