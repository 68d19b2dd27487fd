//! *Checks* the signatures of an image, and of the images of its platforms.

use std::collections::BTreeSet;

use super::attached::{PayloadReader, find_bundles, find_manifest, parse_entries};
use super::bundle::{SIGNATURE_PREDICATE, parse_bundle};
use super::error::SignatureError;
use super::identity::IdentityMatch;
use super::key::PublicKey;
use super::manifest::SignatureEntry;
use super::payload::SignedPayload;
use super::statement::StatementFields;
use crate::oci::image::descriptor::Descriptor;
use crate::oci::image::digest::Digest;
use crate::oci::image::json::Document;
use crate::oci::image::platform::Platform;
use crate::oci::image::reference::Reference;
use crate::oci::images::Images;
use crate::oci::referrers::{Subject, find_subjects};

/// The most reasons that a message has.
const REASONS_MAX: usize = 3;

/// What is required of an image. Each of several requirements has to be met.
#[derive(Debug, Clone)]
pub enum Requirement {
    /// Nothing.
    AcceptAnything,
    /// The image is refused; the text says why.
    Reject(String),
    /// A signature by one of these keys.
    SignedBy {
        /// The keys.
        keys: Vec<PublicKey>,
        /// The names that it may be for.
        identity: IdentityMatch,
    },
}

/// An image whose signatures are checked.
#[derive(Debug, Clone, Copy)]
pub struct CheckedImage<'a> {
    /// Index or manifest of the image.
    pub root: &'a Document,
    /// Platform whose image alone is used, and has to be signed; all, if none is given.
    pub platform: Option<&'a Platform>,
    /// Name of the image in messages.
    pub name: &'a str,
    /// Name of the image in a registry, if it has one.
    pub reference: Option<&'a Reference>,
}

/// A signature that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedSignature {
    /// Image that was signed.
    pub subject: Subject,
    /// Name that it was signed for.
    pub identity: String,
}

/// Checks that an image meets requirements, and the image of each platform too: a node of a cluster uses that alone.
/// Returns the signatures that were accepted.
pub fn check_image(
    images: &dyn Images,
    image: &CheckedImage<'_>,
    requirements: &[Requirement],
) -> Result<Vec<AcceptedSignature>, SignatureError> {
    let name = || image.name.to_owned();
    if requirements.is_empty() {
        return Err(SignatureError::Refused { name: name(), why: "nothing allows it".into() });
    }
    let mut accepted = Vec::new();
    for requirement in requirements {
        match requirement {
            Requirement::AcceptAnything => {}
            Requirement::Reject(why) => {
                return Err(SignatureError::Refused { name: name(), why: why.clone() });
            }
            Requirement::SignedBy { keys, identity } => {
                for subject in find_subjects(images, image.root, image.platform, image.name)? {
                    let checker = SubjectChecker { images, image, keys, wanted: identity };
                    accepted.push(checker.check(subject)?);
                }
            }
        }
    }
    Ok(accepted)
}

/// Checks the signatures of one image against one requirement.
struct SubjectChecker<'a> {
    images: &'a dyn Images,
    image: &'a CheckedImage<'a>,
    keys: &'a [PublicKey],
    wanted: &'a IdentityMatch,
}

impl SubjectChecker<'_> {
    fn check(&self, subject: Subject) -> Result<AcceptedSignature, SignatureError> {
        let entries = match find_manifest(self.images, subject.digest)? {
            Some(manifest) => parse_entries(&manifest, subject.digest)?,
            None => Vec::new(),
        };
        let name = self.image.name.to_owned();
        let (mut reader, mut reasons) = (PayloadReader::new(self.images), BTreeSet::new());
        for entry in &entries {
            match self.check_entry(entry, subject.digest, &mut reader)? {
                Ok(identity) => return Ok(AcceptedSignature { subject, identity }),
                Err(why) => reasons.insert(why),
            };
        }
        for bundle in find_bundles(self.images, &subject)? {
            match self.check_bundle(&bundle, subject.digest, &mut reader)? {
                Ok(Some(identity)) => return Ok(AcceptedSignature { subject, identity }),
                Ok(None) => {}
                Err(why) => {
                    reasons.insert(why);
                }
            }
        }
        if reasons.is_empty() {
            return Err(SignatureError::Unsigned { name, subject: Box::new(subject) });
        }
        let others = reasons.len().saturating_sub(REASONS_MAX);
        let mut why: Vec<String> = reasons.into_iter().take(REASONS_MAX).collect();
        if others > 0 {
            why.push(format!("{others} more reasons"));
        }
        Err(SignatureError::NotAccepted { name, subject: Box::new(subject), why: why.join("; ") })
    }

    /// Returns the name that a signature in a bundle is for, empty if it has none; `None` for a bundle that is no signature.
    /// The inner error says why it is not accepted.
    fn check_bundle(
        &self,
        bundle: &Descriptor,
        subject: Digest,
        reader: &mut PayloadReader<'_>,
    ) -> Result<Result<Option<String>, String>, SignatureError> {
        let bytes = match reader.read_blob(bundle)? {
            Ok(bytes) => bytes,
            Err(why) => return Ok(Err(format!("a bundle cannot be read: {why}"))),
        };
        let opened = parse_bundle(&bytes).and_then(|envelope| envelope.open(self.keys));
        let (statement, is_signed) = match opened {
            Ok(opened) => opened,
            Err(why) => return Ok(Err(format!("a bundle cannot be read: {why}"))),
        };
        if !is_signed {
            return Ok(Err("a bundle is by another key, or was changed".into()));
        }
        let fields = match StatementFields::parse(&statement) {
            Ok(fields) if fields.predicate_type != SIGNATURE_PREDICATE => return Ok(Ok(None)),
            Ok(fields) => fields,
            Err(why) => {
                return Ok(Err(format!("a bundle has a statement that cannot be used: {why}")));
            }
        };
        Ok(self.check_names(&fields, subject))
    }

    /// Returns the name that a statement signs an image for. One without a name is for each.
    fn check_names(
        &self,
        fields: &StatementFields,
        subject: Digest,
    ) -> Result<Option<String>, String> {
        let mut names = fields.subjects(subject).map(|it| it.name.as_str()).peekable();
        if names.peek().is_none() {
            return Err("a bundle is for another image".into());
        }
        let (reference, wanted) = (self.image.reference, self.wanted);
        let accepts = |name: &&str| match *name {
            "" | "_" => matches!(wanted, IdentityMatch::Any | IdentityMatch::Repository),
            // A bundle is for a repository.
            name => {
                !matches!(wanted, IdentityMatch::Exact | IdentityMatch::ExactReference(_))
                    && wanted.accepts(name, reference)
            }
        };
        let found = names.find(accepts).map(str::to_owned);
        found.map(Some).ok_or_else(|| {
            format!("a bundle is for another name than `{}`", wanted.describe(reference))
        })
    }

    /// Returns the name that a signature is for; the inner error says why it is not accepted.
    fn check_entry(
        &self,
        entry: &SignatureEntry,
        subject: Digest,
        reader: &mut PayloadReader<'_>,
    ) -> Result<Result<String, String>, SignatureError> {
        let payload = match reader.read(entry)? {
            Ok(payload) => payload,
            Err(why) => return Ok(Err(format!("one cannot be read: {why}"))),
        };
        // Nothing of the payload is used before its signature was checked.
        if !self.keys.iter().any(|key| key.has_signed(&payload, &entry.signature)) {
            return Ok(Err("one is by another key, or its payload was changed".into()));
        }
        Ok(match SignedPayload::parse(&payload) {
            Err(why) => Err(format!("one has a payload that cannot be used: {why}")),
            Ok(signed) if signed.digest != subject => {
                Err(format!("one is for another image, {}", signed.digest))
            }
            Ok(SignedPayload { identity, .. }) => {
                if self.wanted.accepts(&identity, self.image.reference) {
                    Ok(identity)
                } else {
                    let wanted = self.wanted.describe(self.image.reference);
                    let identity = identity.escape_debug();
                    Err(format!("one is for the name `{identity}`, not `{wanted}`"))
                }
            }
        })
    }
}
