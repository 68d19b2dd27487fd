//! The names of *whiteouts* in a layer's tar
//! (<https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts>).

/// Prefix of a file whose name, without the prefix, is removed from the lower layers.
pub(crate) const PREFIX: &str = ".wh.";

/// Name of a file that removes everything in its directory from the lower layers.
pub(crate) const OPAQUE: &str = ".wh..wh..opq";
