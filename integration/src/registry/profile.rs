//! A **profile** is how one kind of registry differs from the others.

use std::time::Duration;

use super::fault::Rule;
use super::route::Door;

/// How a registry behaves.
#[derive(Debug, Clone, Copy)]
pub struct Profile {
    /// For messages of tests.
    pub name: &'static str,
    /// How it knows who asks.
    pub auth: Auth,
    /// The only user; `None` if any name will do, as long as the password is right.
    pub user: Option<&'static str>,
    /// Of the user.
    pub password: &'static str,
    /// What happens to a session whose body broke off.
    pub resume: Resume,
    /// What happens to `Content-Range`.
    pub ranges: Ranges,
    /// What it says has been received.
    pub told: Told,
    /// The status of a `PATCH` that was taken.
    pub patched: u16,
    /// What `Location` looks like.
    pub location: Location,
    /// What happens to a mount.
    pub mount: Mount,
    /// Where blobs are read.
    pub blobs: Blobs,
    /// Which repositories there are.
    pub repositories: Repositories,
    /// How long it takes to finish a blob.
    pub commit: Duration,
    /// At most so many tags are listed at once.
    pub page: usize,
    /// What is kept of blobs.
    pub keep: Keep,
    /// What goes wrong from the start.
    pub faults: &'static [Rule],
}

/// How a registry knows who asks.
#[derive(Debug, Clone, Copy)]
pub enum Auth {
    /// It does not.
    None,
    /// By name and password with each request.
    Basic,
    /// By tokens.
    Bearer(Tokens),
}

/// How tokens are given.
#[derive(Debug, Clone, Copy)]
pub struct Tokens {
    /// How long they are good.
    pub lifetime: Duration,
    /// Whether clients are told how long.
    pub expiry: Expiry,
    /// What they look like.
    pub form: Form,
    /// What is answered to `POST`: `None` for a token (`OAuth2`), otherwise this status.
    pub post: Option<u16>,
    /// Where they are given.
    pub realm: Door,
    /// What those may do who do not say who they are.
    pub anonymous: Anonymous,
}

/// Whether clients are told how long a token is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// In `expires_in`.
    Told,
    /// Nowhere, besides the token itself.
    Untold,
}

/// What a token looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Like nothing.
    Opaque,
    /// A JWT that says what it is good for, and how long.
    Jwt,
}

/// What those may do who do not say who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anonymous {
    /// Nothing.
    Nothing,
    /// Pull.
    Pull,
}

/// What happens to an upload session whose body broke off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resume {
    /// It is lost: a `Location` is good for one offset, and no request tells the new one (2.8).
    Lost,
    /// It goes on where `GET` of its `Location` says (distribution v3).
    Status,
}

/// What happens to `Content-Range` of a `PATCH`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ranges {
    /// It is not looked at.
    Ignored,
    /// It must begin where the last body ended.
    Checked,
    /// The same, and the body must not be longer, in bytes.
    Capped(u64),
    /// It is not supported.
    Refused,
}

/// What `Range` of an answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// What has been received.
    Truth,
    /// What the first body of the session had, for ever.
    First,
    /// One byte too many.
    TooMuch,
}

/// What `Location` of an upload session looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Location {
    /// A whole URL.
    Absolute,
    /// A path.
    Relative,
}

/// What happens when a blob of another repository is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mount {
    /// It is mounted; without `from` it is looked for.
    Any,
    /// It is mounted; to ask without `from` is an error.
    From,
    /// Never: an upload session is opened.
    Never,
}

/// Where blobs are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blobs {
    /// Here.
    Served,
    /// At a storage service, which refuses whoever comes with the registry's token, too.
    Redirected,
}

/// Which repositories there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repositories {
    /// Any: the first push makes it.
    Any,
    /// Those that were made before.
    Made,
}

/// What is kept of blobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// All bytes, up to this many of one blob; a longer one is refused (413).
    Bytes(u64),
    /// Digest and length: for blobs that do not fit into memory.
    Digest,
}
