//! The names that *whiteouts* have in a layer's tar
//! (<https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts>).

/// A file whose name begins with this removes what the lower layers have under the rest of the
/// name.
pub(crate) const PREFIX: &str = ".wh.";

/// A file of this name removes all that the lower layers have in its directory.
pub(crate) const OPAQUE: &str = ".wh..wh..opq";
