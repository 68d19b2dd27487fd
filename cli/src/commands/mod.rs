//! The commands, a file each: its arguments, whose doc comments are the help, and what it does.

pub(crate) mod auth;
pub(crate) mod build;
pub(crate) mod completions;
pub(crate) mod copy;
pub(crate) mod diff;
pub(crate) mod docs;
pub(crate) mod doctor;
pub(crate) mod extract;
pub(crate) mod index;
pub(crate) mod init;
pub(crate) mod inspect;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod man;
pub(crate) mod manifests;
pub(crate) mod promote;
pub(crate) mod pull;
pub(crate) mod push;
pub(crate) mod releases;
pub(crate) mod schema;
pub(crate) mod sync;
pub(crate) mod tags;
pub(crate) mod transfer;
pub(crate) mod vddk;
pub(crate) mod verify;
