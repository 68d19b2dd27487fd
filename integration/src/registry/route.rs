//! A **route** is the meaning of a request's path, and its **kind** is its role in a push or pull.

use super::wire::{BodyLength, RequestHead};

/// Role of a request; a fault occurs at one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RequestKind {
    /// `GET /v2/`.
    Ping,
    /// Request for a token.
    Token,
    /// `HEAD` of a blob.
    HeadBlob,
    /// `GET` of a blob.
    GetBlob,
    /// `POST` that opens an upload session, or mounts a blob.
    Post,
    /// `PATCH` or `PUT` with a part of a blob, or all of it, as its body.
    Body,
    /// The `PUT` that ends an upload session, with a body or without.
    Commit,
    /// `PUT` of a manifest or an index.
    PutManifest,
    /// `PUT` of a tag.
    PutTag,
    /// `HEAD` or `GET` of a manifest by tag.
    Tag,
    /// `HEAD` of a manifest, by tag or digest.
    HeadManifest,
    /// `GET` of a manifest, by tag or digest.
    GetManifest,
    /// `GET` of the list of tags.
    ListTags,
    /// `DELETE` of a tag or a manifest.
    Delete,
    /// `DELETE` of a manifest by its digest.
    DeleteDigest,
}

/// Listener of the registry that received a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistryPort {
    /// The registry's own port.
    Front,
    /// Another port, and so another origin, which can serve tokens and redirected blobs.
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
    /// Repository, and digest of the subject.
    Referrers(&'a str, &'a str),
    /// Digest of a blob that is served as by a storage service.
    Stored(&'a str),
    Unknown,
}

/// A request with the route and kinds that its head determines.
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
        if let Some((name, subject)) = path.rsplit_once("/referrers/") {
            return Self::Referrers(name, subject);
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
            | Self::Referrers(name, _)
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
        ("GET", Route::Tags(_)) => vec![RequestKind::ListTags],
        ("DELETE", Route::Manifest(_, tag)) if tag.contains(':') => {
            vec![RequestKind::Delete, RequestKind::DeleteDigest]
        }
        ("DELETE", Route::Manifest(..)) => vec![RequestKind::Delete],
        _ => vec![],
    }
}

fn manifest_kinds(kind: RequestKind, reference: &str) -> Vec<RequestKind> {
    if reference.contains(':') { vec![kind] } else { vec![kind, RequestKind::Tag] }
}
