mod content;
pub(super) mod map;

pub(super) use content::examine;
