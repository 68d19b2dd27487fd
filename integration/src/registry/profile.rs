//! A **profile** describes how one kind of registry differs from the others.

use std::time::Duration;

use super::fault::FaultRule;
use super::route::RegistryPort;

/// How a registry behaves.
#[derive(Debug, Clone, Copy)]
pub struct Profile {
    /// Name in messages of tests.
    pub name: &'static str,
    /// Authentication.
    pub auth: AuthScheme,
    /// The only user; `None` if any name will do, as long as the password is right.
    pub user: Option<&'static str>,
    /// Password of the user.
    pub password: &'static str,
    /// What happens to an upload session whose body broke off.
    pub resume: ResumePolicy,
    /// How `Content-Range` is treated.
    pub ranges: RangePolicy,
    /// What `Range` of a response reports as received.
    pub reported_range: ReportedRange,
    /// Status of a successful `PATCH`.
    pub patch_status: u16,
    /// Form of `Location`.
    pub location: LocationForm,
    /// How mounts are treated.
    pub mount: MountPolicy,
    /// Where blobs are served.
    pub blobs: BlobAccess,
    /// Which repositories exist.
    pub repositories: RepositoryPolicy,
    /// Time to finish a blob.
    pub commit_time: Duration,
    /// Whether referrers are listed.
    pub referrers: ReferrersPolicy,
    /// What can be deleted.
    pub deletion: DeletionPolicy,
    /// Maximum number of tags or referrers in a page.
    pub page_size: usize,
    /// What is stored of blobs.
    pub keep: BlobStorage,
    /// Faults from the start.
    pub faults: &'static [FaultRule],
}

/// How a registry authenticates clients.
#[derive(Debug, Clone, Copy)]
pub enum AuthScheme {
    /// It does not authenticate.
    None,
    /// By name and password with each request.
    Basic,
    /// By tokens.
    Bearer(Tokens),
}

/// How tokens are issued.
#[derive(Debug, Clone, Copy)]
pub struct Tokens {
    /// Lifetime of tokens.
    pub lifetime: Duration,
    /// Whether responses declare the lifetime.
    pub expiry: TokenExpiry,
    /// Form of tokens.
    pub form: TokenForm,
    /// Response to `POST`: `None` for a token (`OAuth2`), otherwise this status.
    pub post_status: Option<u16>,
    /// Port that issues tokens.
    pub realm: RegistryPort,
    /// Rights of clients without credentials.
    pub anonymous: AnonymousAccess,
}

/// Whether responses declare the lifetime of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenExpiry {
    /// In `expires_in`.
    Declared,
    /// Nowhere, besides the token itself.
    Undeclared,
}

/// Form of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenForm {
    /// A random string.
    Opaque,
    /// A JWT with its rights and lifetime.
    Jwt,
}

/// Rights of clients without credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnonymousAccess {
    /// Nothing.
    Nothing,
    /// Pull.
    Pull,
}

/// What happens to an upload session whose body broke off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResumePolicy {
    /// It is lost: a `Location` is valid for one offset, and no request returns the new one (2.8).
    Lost,
    /// It goes on where `GET` of its `Location` says (distribution v3).
    Status,
}

/// What happens to `Content-Range` of a `PATCH`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RangePolicy {
    /// It is not looked at.
    Ignored,
    /// It must begin where the last body ended.
    Checked,
    /// The same, and the body must not be longer, in bytes.
    Capped(u64),
    /// The same as `Checked`, and each body but the last has a multiple of this length, in bytes, which
    /// the session declares.
    MultipleOf(u64),
    /// It is not supported.
    Refused,
}

/// What `Range` of an answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportedRange {
    /// What has been received.
    Truth,
    /// What the first body of the session had, for ever.
    First,
    /// One byte too many.
    TooMuch,
}

/// What `Location` of an upload session looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LocationForm {
    /// A whole URL.
    Absolute,
    /// A path.
    Relative,
}

/// What happens when a blob of another repository is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MountPolicy {
    /// It is mounted; without `from` it is looked for.
    Any,
    /// It is mounted; to ask without `from` is an error.
    From,
    /// Never: an upload session is opened.
    Never,
}

/// Where blobs are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlobAccess {
    /// Here.
    Served,
    /// At a storage service, which refuses requests that also have the registry's token.
    Redirected,
}

/// Which repositories there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RepositoryPolicy {
    /// Any: the first push makes it.
    Any,
    /// Those that were made before.
    Made,
}

/// What can be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeletionPolicy {
    /// Tags and manifests.
    Tags,
    /// Manifests by their digests, with all their tags: a tag is no digest.
    Digests,
    /// The same, and a tag stands for the digest.
    TagsWithImages,
    /// Nothing.
    Nothing,
}

/// Whether there is an API that lists referrers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReferrersPolicy {
    /// There is, and responses to manifests with a subject say so.
    Listed,
    /// There is none: the path is unknown, and the response has this status.
    Unknown(u16),
    /// There is none, and the response is a web page.
    Page,
}

/// What is kept of blobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlobStorage {
    /// All bytes, up to this many of one blob; a longer one is refused (413).
    Bytes(u64),
    /// Digest and length: for blobs that do not fit into memory.
    Digest,
}
