//! A *requirement* of a policy, as it is written.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::oci::image::reference::Reference;
use crate::signature::check::Requirement;
use crate::signature::identity::IdentityMatch;
use crate::signature::key::PublicKey;

/// Reads the file of a key.
pub type ReadKey<'a> = dyn Fn(&str) -> io::Result<Vec<u8>> + 'a;

/// A requirement as a policy has it.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", deny_unknown_fields)]
pub(super) enum PolicyRequirement {
    /// Nothing is required.
    InsecureAcceptAnything {},
    /// The image is refused.
    Reject {},
    /// A signature of cosign.
    SigstoreSigned(Box<SigstoreFields>),
    /// A signature of GPG, which is not checked here.
    SignedBy,
    /// A requirement of a base, which no program implements.
    SignedBaseLayer,
}

/// The fields of `sigstoreSigned`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SigstoreFields {
    key_path: Option<String>,
    key_paths: Option<Vec<String>>,
    key_data: Option<String>,
    key_datas: Option<Vec<String>>,
    fulcio: Option<Value>,
    pki: Option<Value>,
    rekor_public_key_path: Option<Value>,
    rekor_public_key_paths: Option<Value>,
    rekor_public_key_data: Option<Value>,
    rekor_public_key_datas: Option<Value>,
    #[serde(default, deserialize_with = "some_identity")]
    signed_identity: Option<IdentityFields>,
}

/// Reads an identity; unlike other fields, it cannot be `null`.
fn some_identity<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<IdentityFields>, D::Error> {
    IdentityFields::deserialize(deserializer).map(Some)
}

/// The value of `signedIdentity`.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", deny_unknown_fields)]
enum IdentityFields {
    MatchExact {},
    MatchRepoDigestOrExact {},
    MatchRepository {},
    #[serde(rename_all = "camelCase")]
    ExactReference {
        docker_reference: String,
    },
    #[serde(rename_all = "camelCase")]
    ExactRepository {
        docker_repository: String,
    },
    #[serde(rename_all = "camelCase")]
    RemapIdentity {
        prefix: String,
        signed_prefix: String,
    },
}

impl PolicyRequirement {
    /// Fails if it cannot be used for any image. No key is read.
    pub(super) fn check(&self) -> Result<(), String> {
        match self {
            Self::SigstoreSigned(fields) => fields.check(),
            _ => Ok(()),
        }
    }

    /// Returns the requirement with its keys.
    pub(super) fn resolve(&self, read: &ReadKey<'_>) -> Result<Requirement, String> {
        Ok(match self {
            Self::InsecureAcceptAnything {} => Requirement::AcceptAnything,
            Self::Reject {} => Requirement::Reject("the policy rejects it".into()),
            Self::SignedBy | Self::SignedBaseLayer => {
                let why = "the policy requires a signature of GPG, which is not checked here";
                Requirement::Reject(why.into())
            }
            Self::SigstoreSigned(fields) => fields.resolve(read)?,
        })
    }
}

impl SigstoreFields {
    /// Fails if the fields contradict each other, or have values that cannot be used.
    fn check(&self) -> Result<(), String> {
        let keys = [
            self.key_path.is_some(),
            self.key_paths.is_some(),
            self.key_data.is_some(),
            self.key_datas.is_some(),
            self.fulcio.is_some(),
            self.pki.is_some(),
        ];
        if keys.into_iter().filter(|it| *it).count() != 1 {
            return Err(
                "`sigstoreSigned` has one of keyPath, keyPaths, keyData, keyDatas, fulcio and pki"
                    .into(),
            );
        }
        if [&self.key_paths, &self.key_datas].into_iter().flatten().any(Vec::is_empty) {
            return Err("`sigstoreSigned` has an empty list of keys".into());
        }
        self.read_data()?;
        self.identity().map(drop)
    }

    fn identity(&self) -> Result<IdentityMatch, String> {
        let identity = self.signed_identity.as_ref();
        identity.map_or(Ok(IdentityMatch::RepoDigestOrExact), IdentityFields::parse)
    }

    fn resolve(&self, read: &ReadKey<'_>) -> Result<Requirement, String> {
        if self.fulcio.is_some() || self.pki.is_some() {
            let why = "the policy requires a certificate, and only keys are checked here";
            return Ok(Requirement::Reject(why.into()));
        }
        let logs = [
            &self.rekor_public_key_path,
            &self.rekor_public_key_paths,
            &self.rekor_public_key_data,
            &self.rekor_public_key_datas,
        ];
        if logs.iter().any(|it| it.is_some()) {
            let why =
                "the policy requires an entry of a transparency log, which is not checked here";
            return Ok(Requirement::Reject(why.into()));
        }
        Ok(Requirement::SignedBy { keys: self.read_keys(read)?, identity: self.identity()? })
    }

    /// Returns the texts of the keys in keyData and keyDatas.
    fn read_data(&self) -> Result<Vec<Vec<u8>>, String> {
        let all = self.key_data.iter().chain(self.key_datas.iter().flatten());
        let decode =
            |text| STANDARD.decode(text).map_err(|error| format!("keyData is not Base64: {error}"));
        all.map(decode).collect()
    }

    fn read_keys(&self, read: &ReadKey<'_>) -> Result<Vec<PublicKey>, String> {
        let mut keys = Vec::new();
        for path in self.key_path.iter().chain(self.key_paths.iter().flatten()) {
            let text =
                read(path).map_err(|error| format!("cannot read the key `{path}`: {error}"))?;
            let key = PublicKey::parse(&text);
            keys.push(key.map_err(|error| format!("cannot use the key `{path}`: {error}"))?);
        }
        for text in self.read_data()? {
            let key = PublicKey::parse(&text);
            keys.push(key.map_err(|error| format!("cannot use the key in keyData: {error}"))?);
        }
        Ok(keys)
    }
}

impl IdentityFields {
    fn parse(&self) -> Result<IdentityMatch, String> {
        let reference = |text: &str| {
            let name = text.parse::<Reference>();
            name.map_err(|error| format!("signedIdentity has `{}`: {error}", text.escape_debug()))
        };
        Ok(match self {
            Self::MatchExact {} => IdentityMatch::Exact,
            Self::MatchRepoDigestOrExact {} => IdentityMatch::RepoDigestOrExact,
            Self::MatchRepository {} => IdentityMatch::Repository,
            Self::ExactReference { docker_reference: text } => {
                let name = reference(text)?;
                if !name.has_tag() && name.digest().is_none() {
                    return Err(format!("exactReference has `{text}` without a tag or a digest"));
                }
                IdentityMatch::ExactReference(name)
            }
            Self::ExactRepository { docker_repository } => {
                IdentityMatch::ExactRepository(reference(docker_repository)?)
            }
            Self::RemapIdentity { prefix, signed_prefix } => {
                [prefix, signed_prefix].into_iter().try_for_each(|it| check_prefix(it))?;
                let (prefix, signed_prefix) = (prefix.clone(), signed_prefix.clone());
                IdentityMatch::Remap { prefix, signed_prefix }
            }
        })
    }
}

/// Fails if a prefix of `remapIdentity` is neither a registry nor a repository of one.
fn check_prefix(prefix: &str) -> Result<(), String> {
    let (host, path) = prefix.split_once('/').unwrap_or((prefix, "x"));
    // A host of one word is no registry in a name, but a policy may have it.
    let domain = if host.contains(['.', ':']) { "" } else { ".x" };
    let name = format!("{host}{domain}/{path}");
    let is_name = name.parse::<Reference>().is_ok_and(|found| found.full_repository() == name);
    if host.is_empty() || !is_name {
        return Err(format!(
            "remapIdentity has a prefix that is not valid: `{}`",
            prefix.escape_debug()
        ));
    }
    Ok(())
}
