//! *Arguments* that several commands share: groups of options, and the values that they take. The doc
//! comments are the help.

pub(crate) mod annotation;
pub(crate) mod attach;
pub(crate) mod attest;
pub(crate) mod byte_count;
pub(crate) mod compression;
pub(crate) mod credentials;
pub(crate) mod destination;
pub(crate) mod disk_or_image;
pub(crate) mod focus;
pub(crate) mod image_format;
pub(crate) mod image_name;
pub(crate) mod key_value;
pub(crate) mod list_format;
pub(crate) mod names;
pub(crate) mod output;
pub(crate) mod predicate_type;
pub(crate) mod referrers;
pub(crate) mod registry;
pub(crate) mod reports;
pub(crate) mod retention;
pub(crate) mod rewrite;
pub(crate) mod server_limits;
pub(crate) mod sides;
pub(crate) mod signing;
pub(crate) mod transfer;
pub(crate) mod trusted_keys;
