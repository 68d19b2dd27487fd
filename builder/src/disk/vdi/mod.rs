pub(super) mod header;
pub(super) mod map;

pub(super) use header::*;
