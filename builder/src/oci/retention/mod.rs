//! *Retention* says which images of a repository or a layout are kept, and plans the removal of the others: of tags, and of
//! the manifests that nothing names without them.
//!
//! - `rules`: how many images are kept, for how long, and by which tags
//! - `date`: when an image was made
//! - `snapshot`: the images that have tags
//! - `decide`: which tags stay, and why
//! - `live`: the manifests that something that stays needs
//! - `plan`: what is removed

mod date;
mod decide;
mod live;
mod plan;
mod rules;
mod snapshot;
#[cfg(test)]
mod tests;

pub use self::date::ImageDate;
pub use self::decide::KeepReason;
pub(crate) use self::live::LiveSearch;
pub use self::plan::{KeptTag, PrunePlan, RemovalScope, RemovedImage};
pub use self::rules::{RetentionError, RetentionRules, parse_age, whole_tag};
