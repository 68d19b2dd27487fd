pub(super) mod compressed;
pub(super) mod mapped;
pub(super) mod tables;
