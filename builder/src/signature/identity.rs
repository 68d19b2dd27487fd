//! The *identity* of a signature is the name that the image is signed for; a requirement says which are accepted
//! (containers/image, `signature/policy_reference_match.go`).

use crate::oci::image::reference::Reference;

/// Returns a name as a signature has it: with its tag, or the repository alone for an image that is named by its digest.
pub fn signed_name(name: &Reference) -> String {
    name.without_digest().map_or_else(|| name.full_repository(), |name| name.to_string())
}

/// Which identities are accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdentityMatch {
    /// Any: the image has no name that could be compared.
    Any,
    /// The name of the image, with the same tag or digest.
    Exact,
    /// The name of the image with the same tag; of an image that is named by its digest, the same repository.
    RepoDigestOrExact,
    /// The repository of the image.
    Repository,
    /// This name.
    ExactReference(Reference),
    /// This repository.
    ExactRepository(Reference),
    /// As `RepoDigestOrExact`, after a prefix of the name of the image was replaced.
    Remap {
        /// Prefix of names of images.
        prefix: String,
        /// Prefix of the names that they are signed for.
        signed_prefix: String,
    },
}

impl IdentityMatch {
    /// Returns whether a signature for `identity` is accepted for an image. `image` is its name in a registry, if it has one.
    pub(crate) fn accepts(&self, identity: &str, image: Option<&Reference>) -> bool {
        if *self == Self::Any {
            return true;
        }
        let Ok(signed) = identity.parse::<Reference>() else { return false };
        let same_repository =
            |other: &Reference| signed.full_repository() == other.full_repository();
        match (self, image) {
            (Self::ExactReference(wanted), _) => is_same_image(&signed, wanted),
            (Self::ExactRepository(wanted), _) => same_repository(wanted),
            (Self::Exact, Some(image)) => is_same_image(&signed, image),
            (Self::Repository, Some(image)) => same_repository(image),
            (Self::RepoDigestOrExact, Some(image)) => is_digest_or_same(&signed, image),
            (Self::Remap { prefix, signed_prefix }, Some(image)) => {
                remap(image, prefix, signed_prefix)
                    .is_some_and(|it| is_digest_or_same(&signed, &it))
            }
            _ => false,
        }
    }

    /// Returns what is accepted, for messages.
    pub(crate) fn describe(&self, image: Option<&Reference>) -> String {
        let name =
            || image.map_or_else(|| "an image without a name".to_owned(), Reference::to_string);
        match self {
            Self::Any => "any name".to_owned(),
            Self::Exact | Self::RepoDigestOrExact => name(),
            Self::Repository => image.map_or_else(name, Reference::full_repository),
            Self::ExactReference(wanted) => wanted.to_string(),
            Self::ExactRepository(wanted) => wanted.full_repository(),
            Self::Remap { prefix, signed_prefix } => image
                .and_then(|image| remap(image, prefix, signed_prefix))
                .map_or_else(name, |it| it.to_string()),
        }
    }
}

/// Returns the name of an image by its digest if it has one, else by its tag.
fn text_of(name: &Reference) -> String {
    match name.digest() {
        Some(digest) => format!("{}@{digest}", name.full_repository()),
        None => name.to_string(),
    }
}

/// Returns whether a signature is for the image of this name. One for a repository is for no image.
fn is_same_image(signed: &Reference, image: &Reference) -> bool {
    (signed.has_tag() || signed.digest().is_some()) && text_of(signed) == text_of(image)
}

fn is_digest_or_same(signed: &Reference, image: &Reference) -> bool {
    if image.digest().is_some() {
        return signed.full_repository() == image.full_repository();
    }
    is_same_image(signed, image)
}

/// Replaces a prefix of a name that ends where a part of the name ends; other names stay as they are.
fn remap(image: &Reference, prefix: &str, signed_prefix: &str) -> Option<Reference> {
    let (name, text) = (image.full_repository(), text_of(image));
    let is_meant =
        name.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if !is_meant {
        return Some(image.clone());
    }
    format!("{signed_prefix}{}", &text[prefix.len()..]).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAG: &str = "q.io/me/vm:1";
    const REPOSITORY: &str = "q.io/me/vm";

    fn check(wanted: &IdentityMatch, identity: &str, image: &str, expected: bool) {
        let image = (!image.is_empty()).then(|| image.parse::<Reference>().unwrap());
        let found = wanted.accepts(identity, image.as_ref());
        assert_eq!(found, expected, "{wanted:?} {identity} {image:?}");
    }

    #[test]
    fn identities_are_compared_with_the_image() {
        let (tag, repository) = (TAG, REPOSITORY);
        let digest = format!("q.io/me/vm@sha256:{}", "0".repeat(64));
        let exact = IdentityMatch::Exact;
        check(&exact, tag, tag, true);
        check(&exact, &digest, &digest, true);
        check(&exact, repository, "q.io/me/vm", false);
        check(&exact, "q.io/me/vm:latest", "q.io/me/vm", true);
        for (identity, image) in [
            (tag, &digest[..]),
            (repository, tag),
            ("q.io/me/vm:2", tag),
            ("q.io/me/vn:1", tag),
            ("", tag),
            ("Q/Q", tag),
        ] {
            check(&exact, identity, image, false);
        }
        let loose = IdentityMatch::RepoDigestOrExact;
        for (identity, image, expected) in [
            (tag, tag, true),
            (repository, tag, false),
            ("q.io/me/vm:2", tag, false),
            (tag, &digest[..], true),
            (repository, &digest[..], true),
            ("q.io/me/vn", &digest[..], false),
        ] {
            check(&loose, identity, image, expected);
        }
        let same = IdentityMatch::Repository;
        for (identity, image, expected) in [
            (tag, tag, true),
            (repository, tag, true),
            (&digest[..], tag, true),
            ("q.io/me/vm/x", tag, false),
            (tag, "", false),
        ] {
            check(&same, identity, image, expected);
        }
    }

    #[test]
    fn identities_are_compared_with_other_names() {
        let (tag, repository) = (TAG, REPOSITORY);
        let named = IdentityMatch::ExactReference(tag.parse().unwrap());
        for (identity, image, expected) in
            [(tag, "", true), (tag, "x.io/y", true), (repository, tag, false)]
        {
            check(&named, identity, image, expected);
        }
        let named = IdentityMatch::ExactRepository(repository.parse().unwrap());
        for (identity, expected) in [(tag, true), (repository, true), ("q.io/me", false)] {
            check(&named, identity, "", expected);
        }
        let remap = |prefix: &str, signed: &str| IdentityMatch::Remap {
            prefix: prefix.into(),
            signed_prefix: signed.into(),
        };
        check(&remap("mirror.x/q", "q.io"), tag, "mirror.x/q/me/vm:1", true);
        check(&remap("mirror.x/q", "q.io"), tag, "mirror.x/qq/me/vm:1", false);
        check(&remap("mirror.x/q", "q.io"), tag, tag, true);
        check(&remap("mirror.x/vm", "q.io/me/vm"), tag, "mirror.x/vm:1", true);
        check(&remap("mirror.x/vm", "q.io/me/vm"), tag, "mirror.x/vm:2", false);
        check(&IdentityMatch::Any, "anything", "", true);
        check(&IdentityMatch::Any, "", tag, true);
    }
}
