//! A **route** is what a request's path means, and its **kind** is the part it plays in a push or a
//! pull.

use super::wire::{BodyLength, RequestHead};

/// The part that a request plays; faults happen at one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RequestKind {
    /// `GET /v2/`
    Ping,
    /// Asks for a token.
    Token,
    /// `HEAD` of a blob.
    HeadBlob,
    /// `GET` of a blob.
    GetBlob,
    /// Opens an upload session, or mounts.
    Post,
    /// Has a part of a blob, or all of it, as its body: `PATCH` or `PUT`.
    Body,
    /// The `PUT` that ends an upload session, with a body or without.
    Commit,
    /// `PUT` of a manifest or an index.
    PutManifest,
    /// `PUT` of a tag.
    PutTag,
    /// `HEAD` or `GET` of what a tag names.
    Tag,
    /// `HEAD` of a manifest, by tag or digest.
    HeadManifest,
    /// `GET` of a manifest, by tag or digest.
    GetManifest,
}

/// Which of the registry's listeners was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistryPort {
    /// The registry's own.
    Front,
    /// Another port: another origin, where tokens and redirected blobs may be.
    Side,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route<'a> {
    Ping,
    Token,
    /// Repository.
    Uploads(&'a str),
    /// Repository and session.
    Upload(&'a str, &'a str),
    /// Repository and digest.
    Blob(&'a str, &'a str),
    /// Repository, and tag or digest.
    Manifest(&'a str, &'a str),
    /// Repository.
    Tags(&'a str),
    /// A blob as a storage service serves it.
    Stored(&'a str),
    Unknown,
}

/// A request, understood as far as its head tells.
#[derive(Debug)]
pub(super) struct Request<'a> {
    pub(super) door: RegistryPort,
    pub(super) head: &'a RequestHead,
    pub(super) route: Route<'a>,
    pub(super) kinds: Vec<RequestKind>,
}

impl<'a> Route<'a> {
    fn new(path: &'a str) -> Self {
        match path {
            "/v2/" | "/v2" => return Self::Ping,
            "/token" => return Self::Token,
            _ => {}
        }
        if let Some(digest) = path.strip_prefix("/storage/") {
            return Self::Stored(digest);
        }
        let Some(path) = path.strip_prefix("/v2/") else { return Self::Unknown };
        if let Some(name) = path.strip_suffix("/tags/list") {
            return Self::Tags(name);
        }
        if let Some((name, session)) = path.rsplit_once("/blobs/uploads/") {
            return if session.is_empty() {
                Self::Uploads(name)
            } else {
                Self::Upload(name, session)
            };
        }
        if let Some(name) = path.strip_suffix("/blobs/uploads") {
            return Self::Uploads(name);
        }
        if let Some((name, digest)) = path.rsplit_once("/blobs/") {
            return Self::Blob(name, digest);
        }
        path.rsplit_once("/manifests/")
            .map_or(Self::Unknown, |(name, reference)| Self::Manifest(name, reference))
    }

    /// Returns the repository.
    pub(super) fn repository(&self) -> Option<&'a str> {
        match self {
            Self::Uploads(name)
            | Self::Upload(name, _)
            | Self::Blob(name, _)
            | Self::Manifest(name, _)
            | Self::Tags(name) => Some(name),
            Self::Ping | Self::Token | Self::Stored(_) | Self::Unknown => None,
        }
    }
}

impl<'a> Request<'a> {
    pub(super) fn new(door: RegistryPort, head: &'a RequestHead) -> Self {
        let route = Route::new(&head.path);
        let kinds = kinds(head, route);
        Self { door, head, route, kinds }
    }
}

fn kinds(head: &RequestHead, route: Route<'_>) -> Vec<RequestKind> {
    let has_body = head.length() != BodyLength::Bytes(0);
    match (&head.method[..], route) {
        (_, Route::Ping) => vec![RequestKind::Ping],
        (_, Route::Token) => vec![RequestKind::Token],
        ("HEAD", Route::Blob(..)) => vec![RequestKind::HeadBlob],
        ("GET", Route::Blob(..)) => vec![RequestKind::GetBlob],
        ("POST", Route::Uploads(_)) if has_body => {
            vec![RequestKind::Post, RequestKind::Body, RequestKind::Commit]
        }
        ("POST", Route::Uploads(_)) => vec![RequestKind::Post],
        ("PATCH", Route::Upload(..)) => vec![RequestKind::Body],
        ("PUT", Route::Upload(..)) if has_body => vec![RequestKind::Body, RequestKind::Commit],
        ("PUT", Route::Upload(..)) => vec![RequestKind::Commit],
        ("PUT", Route::Manifest(_, tag)) if !tag.contains(':') => {
            vec![RequestKind::PutManifest, RequestKind::PutTag]
        }
        ("PUT", Route::Manifest(..)) => vec![RequestKind::PutManifest],
        ("HEAD", Route::Manifest(_, tag)) => manifest_kinds(RequestKind::HeadManifest, tag),
        ("GET", Route::Manifest(_, tag)) => manifest_kinds(RequestKind::GetManifest, tag),
        _ => vec![],
    }
}

fn manifest_kinds(kind: RequestKind, reference: &str) -> Vec<RequestKind> {
    if reference.contains(':') { vec![kind] } else { vec![kind, RequestKind::Tag] }
}
